"""Addresses of cameras: which are refused, and that nobody sees a password."""

import socket
from pathlib import Path

import pytest

from tests.watched_cameras import QUICK, WAITING, Watching, answering, reading
from vseg.errors import BadVideo
from vseg.video.address import redact, scheme_of
from vseg.video.camera import Camera

REFUSAL = (
    b'RTSP/1.0 401 Unauthorized\r\nCSeq: %s\r\nWWW-Authenticate: Basic realm="cam"\r\n\r\n'
)


def secrets_in(error: BaseException | None) -> str:
    """Every text of an error and of those behind it."""
    texts = []
    while error is not None:
        texts.append(f"{error} {error!r} {getattr(error, 'hint', '')}")
        error = error.__cause__ or error.__context__
    return " ".join(texts)


def test_a_wrong_password_is_never_echoed(capfd: pytest.CaptureFixture[str]) -> None:
    with answering(REFUSAL) as port:
        address = f"rtsp://admin:s3cret@127.0.0.1:{port}/live?token=hush"
        with pytest.raises(BadVideo, match="401 unauthorized") as caught:
            Camera(address, QUICK)
        with Camera(address, WAITING) as camera:
            said = repr(Watching(camera).until("down")) + camera.name
    said += secrets_in(caught.value) + "".join(capfd.readouterr())
    assert not any(secret in said for secret in ("admin", "s3cret", "hush"))
    assert f"***@127.0.0.1:{port}/live" in caught.value.message


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc here")
def test_credentials_are_not_in_the_process_list() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"rtsp://admin:s3cret@127.0.0.1:{server.getsockname()[1]}/live"
        with Camera(address, WAITING):
            server.accept()[0].close()  # the question whether it takes connections
            with server.accept()[0]:
                seen = [*reading()]
    assert len(seen) == 1
    assert "s3cret" not in str(seen)


def test_messages_hide_credentials(capfd: pytest.CaptureFixture[str]) -> None:
    address = "rtsp://admin:s3cr/e@t@127.0.0.1:1/live?token=hush"
    with pytest.raises(BadVideo) as caught:
        Camera(address, QUICK)
    error: BaseException | None = caught.value
    while error is not None:
        assert not any(secret in str(error) for secret in ("admin", "s3cr", "hush"))
        error = error.__cause__ or error.__context__
    assert "127.0.0.1:1/live" in caught.value.message
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://u:p@host/x", "rtsp://***@host/x"),
        ("http://host:80/a?key=1", "http://host:80/a?***"),
        ("udp://host:1", "udp://host:1"),
        ("clips/a@b.mp4", "clips/a@b.mp4"),
    ],
)
def test_redacted_address(address: str, shown: str) -> None:
    assert redact(address) == shown


def test_schemes() -> None:
    assert scheme_of("RTSP://x") == "rtsp"
    assert scheme_of("C:/clips/a.mp4") is None
    with pytest.raises(BadVideo, match="unknown kind of address 'gopher'"):
        Camera("gopher://x/y")


def test_missing_device_says_so_once(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadVideo, match="camera 97: cannot be opened"):
        Camera(97)
    assert capfd.readouterr() == ("", "")
