"""Who sends no request in time holds no connection; who does is not disturbed."""

import http.client
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect

from tests.annotator_page import empty_run
from tests.served import TOKEN, app_of
from vseg.build import load_model
from vseg.server.listening import ServerThread
from vseg.server.security import late_heads
from vseg.server.settings import ServerSettings
from vseg.server.storage.ids import id_of

pytestmark = pytest.mark.integration

HEAD_S = 0.5


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, scene_clip: Path) -> Iterator[str]:
    """A service that gives half a second for the head of a request, with a run."""
    root = tmp_path_factory.mktemp("root")
    (root / "two.mp4").write_bytes(scene_clip.read_bytes())
    empty_run(root, load_model("nano", short_side=64))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(late_heads, "HEAD_S", HEAD_S)
        thread = ServerThread(app_of(root), ServerSettings(root=root, port=0))
        yield thread.start()
        thread.close()


def is_closed(address: str, head: bytes, trickle: bytes) -> bool:
    """Whether a connection that sends some bytes, and then one now and then, is closed in the
    end.
    """
    place = urlsplit(address)
    assert place.hostname is not None
    with socket.create_connection((place.hostname, place.port or 80)) as connection:
        connection.settimeout(0.1)
        connection.sendall(head)
        for _ in range(60):
            try:
                if not connection.recv(4096):
                    return True
            except TimeoutError:
                pass
            except ConnectionError:
                return True
            try:
                connection.sendall(trickle)
            except OSError:
                return True
    return False


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nX-",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /healthz HTTP/1.1\r\nX-",
        # Refused for want of a key, and its body comes for ever.
        b"POST /v1/videos HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999\r\n\r\n",
    ],
)
def test_a_head_that_does_not_come_ends_the_connection(address: str, head: bytes) -> None:
    assert is_closed(address, head, b"a" if head else b"")


def test_requests_and_sockets_go_on(address: str) -> None:
    client = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    for _ in range(3):
        client.request("GET", "/healthz")
        answer = client.getresponse()
        assert (answer.status, bool(answer.read())) == (200, True)
        time.sleep(2 * HEAD_S)  # uvicorn's own time for idle connections
    slow = iter([b"{", b"}"])

    def body() -> Iterator[bytes]:
        for part in slow:
            time.sleep(2 * HEAD_S)  # the head came at once
            yield part

    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    client.request("POST", "/v1/sessions", body(), headers)
    assert client.getresponse().status == 422
    client.close()
    run = f"{address.replace('http', 'ws')}/v1/annotations/{id_of('run')}/socket"
    with connect(run, additional_headers=headers) as opened:
        time.sleep(2 * HEAD_S)
        opened.send("{}")
        assert opened.recv(timeout=10)
