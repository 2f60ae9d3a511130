"""The page's side of the annotator's socket, for tests: what is asked, and what came of it."""

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from starlette.testclient import TestClient, WebSocketTestSession

from tests.served import ADDRESS
from vseg.config import TrackConfig
from vseg.interfaces.model import Model
from vseg.pipelines.empty_run import create_empty_run
from vseg.server.annotator.mask_message import MaskFlag
from vseg.server.storage.ids import id_of


@dataclass(frozen=True, slots=True)
class ReceivedMask:
    """A binary message, unpacked.  mask: at the size of the frame."""

    seq: int
    frame: int
    object_id: int
    flags: MaskFlag
    score: float
    mask: np.ndarray


@dataclass
class AnnotatorPage:
    """One socket.  events, masks: all that came, in order."""

    socket: WebSocketTestSession
    welcome: dict[str, Any] = field(default_factory=dict)
    hw: tuple[int, int] = (96, 160)
    events: list[dict[str, Any]] = field(default_factory=list)
    masks: list[ReceivedMask] = field(default_factory=list)
    _asked: int = 0
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def ask(self, kind: str, **keys: Any) -> dict[str, Any]:
        """The answer to a request."""
        number = self.tell(kind, **keys)
        while True:
            message = self.receive()
            if message.get("re", -1) == number:
                return message

    def tell(self, kind: str, **keys: Any) -> int:
        """Send a request without waiting; its id."""
        number = next(self._ids)
        self._asked = len(self.masks)
        self.socket.send_text(json.dumps({"id": number, "type": kind, **keys}))
        return number

    def event(self, kind: str) -> dict[str, Any]:
        """The next event of a kind."""
        while True:
            message = self.receive()
            if message.get("type") == kind:
                return message

    def mask(self, object_id: int, frame: int, *flags: MaskFlag) -> ReceivedMask:
        """The first mask of an object on a frame, since the last request, that has all of
        these flags.
        """
        before = self._asked
        while True:
            for one in self.masks[before:]:
                place = one.object_id, one.frame
                if place == (object_id, frame) and all(one.flags & flag for flag in flags):
                    return one
            before = len(self.masks)
            self.receive()

    def receive(self) -> dict[str, Any]:
        """The next message; {} for a mask."""
        message = self.socket.receive()
        if message["type"] == "websocket.close":
            raise AssertionError(f"closed: {message}")
        if message.get("bytes") is not None:
            self.masks.append(unpacked(message["bytes"], self.hw))
            return {}
        read: dict[str, Any] = json.loads(message["text"])
        if "seq" in read and "type" in read:
            self.events.append(read)
        return read

    def point(
        self, obj: int | None, frame: int, xy: tuple[float, float], *, positive: bool = True
    ) -> dict[str, Any]:
        """Click; the answer."""
        prompt = {"kind": "points", "xy": [xy], "positive": [positive]}
        return self.ask("prompt", object=obj, frame=frame, prompt=prompt)


@contextmanager
def page_of(client: TestClient, run: str, **hello: Any) -> Iterator[AnnotatorPage]:
    """A page that has said hello; run: the folder of the run, relative to the root."""
    path = f"ws://127.0.0.1:8707/v1/annotations/{id_of(run)}/socket"
    with client.websocket_connect(path, headers={"Origin": ADDRESS}) as socket:
        page = AnnotatorPage(socket)
        page.welcome = page.ask("hello", **hello)
        yield page


def unpacked(message: bytes, hw: tuple[int, int]) -> ReceivedMask:
    """A binary message as it is documented."""
    seq, frame, obj, flags, score, x, y, w, h = struct.unpack_from("<IIIHHiiii", message)
    runs = np.frombuffer(message[32:], dtype="<u4")
    full = np.zeros(hw, dtype=bool)
    if w * h:
        values = np.arange(len(runs)) % 2 == 1
        full[y : y + h, x : x + w] = np.repeat(values, runs).reshape(h, w)
    return ReceivedMask(seq, frame, obj, MaskFlag(flags), score / 65535, full)


def empty_run(root: Path, model: Model, out: str = "run") -> Path:
    """A run without an object in `root`, of its clip two.mp4."""
    config = TrackConfig(short_side=64, shard_frames=4)
    return create_empty_run(str(root / "two.mp4"), root / out, model, config).path
