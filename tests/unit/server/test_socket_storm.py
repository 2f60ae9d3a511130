"""Sockets of a real service that say anything in any order, while one page works on.

What `test_socket_fuzz` sends in process, with what only a real connection can do besides:
frames that are too long or no UTF-8, connections that are dropped, and several at once.
"""

import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.annotator_page import empty_run
from tests.served import ServiceProcess, service_process
from vseg.build import load_model
from vseg.server.storage.ids import id_of

pytestmark = pytest.mark.integration

STORMS = 4
MESSAGES = 40


@pytest.fixture
def service(root: Path) -> Iterator[ServiceProcess]:
    empty_run(root, load_model("nano", short_side=64))
    with service_process(root) as started:
        yield started


def opened(service: ServiceProcess) -> ClientConnection:
    address = service.address.replace("http", "ws")
    path = f"{address}/v1/annotations/{id_of('run')}/socket"
    headers = {"Authorization": f"Bearer {service.key}"}
    return connect(path, additional_headers=headers, max_size=None)


class Page:
    """One that does as it should."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.masks = 0

    def ask(self, kind: str, **keys: Any) -> dict[str, Any]:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "type": kind, **keys}))
        while True:
            message = self._socket.recv(timeout=60)
            if isinstance(message, bytes):
                self.masks += 1
                continue
            read: dict[str, Any] = json.loads(message)
            if read.get("re") == self._number:
                return read


def storm(service: ServiceProcess, seed: int) -> int:
    """Say anything, over as many connections as that takes; how many answers were errors."""
    rng = random.Random(seed)
    refused = 0
    left = MESSAGES
    while left:
        with suppress(ConnectionClosed), opened(service) as socket:
            with suppress(ConnectionClosed):
                if rng.random() < 0.7:
                    socket.send('{"id": 0, "type": "hello", "mode": "watch"}')
                while left:
                    left -= 1
                    say_anything(socket, rng)
                    if rng.random() < 0.1:
                        break  # gone without a word
            with suppress(TimeoutError):
                while True:
                    told = socket.recv(timeout=0.3)
                    refused += isinstance(told, str) and '"error"' in told
    return refused


def say_anything(socket: ClientConnection, rng: random.Random) -> None:
    choice = rng.random()
    number = rng.choice([0, -1, 5, 2**70, "x", None])
    if choice < 0.2:
        socket.send(rng.randbytes(rng.randrange(200)))
    elif choice < 0.25:
        socket.send("x" * 9_000_000)  # longer than any message may be
    elif choice < 0.3:
        socket.send(b"\xff\xfe\xfd", text=True)  # a text frame that is no UTF-8
    elif choice < 0.5:
        socket.send("".join(chr(rng.randrange(1, 0xD7FF)) for _ in range(50)))
    else:
        kinds = ("hello", "undo", "redo", "cancel", "takeoff", "propagate", "prompt", "view")
        message: dict[str, Any] = {"id": number, "type": rng.choice(kinds)}
        message |= {"frame": number, "last_seq": number, "direction": "both", "object": 1}
        socket.send(json.dumps(message))


def test_one_page_works_on_while_others_say_anything(service: ServiceProcess) -> None:
    with opened(service) as socket, ThreadPoolExecutor(STORMS) as pool:
        page = Page(socket)
        assert page.ask("hello")["lease"]["mode"] == "write"
        storms = [pool.submit(storm, service, seed) for seed in range(STORMS)]
        point = {"kind": "points", "xy": [[80, 48]], "positive": [True]}
        for frame in range(6):
            shown = page.ask("view", frame=frame, direction=1)
            assert "error" not in shown, shown
            told = page.ask("prompt", object=None, frame=frame, prompt=point)
            assert "error" not in told, told
        assert page.ask("statistics")["prompts"] == 6
        assert sum(one.result() for one in storms) > STORMS
        for _ in range(6):
            assert page.ask("undo")["step"] is not None
        assert page.ask("undo")["step"] is None
        assert page.masks >= 6
    assert service.process.poll() is None
