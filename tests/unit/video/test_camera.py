"""Live sources: real-time pace, newest frame first, no secrets in messages, no thread left."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from tests.clips import Recipe, cut, painted, write_clip, write_resized
from vseg.errors import BadVideo, DamagedVideo
from vseg.interfaces.reader import Reader, Source
from vseg.video.address import redact, scheme_of
from vseg.video.camera import Camera


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "vseg-camera"]


def test_a_file_plays_at_its_own_rate(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", Recipe(num_frames=15))
    start = time.monotonic()
    with Camera(clip) as camera:
        assert isinstance(camera, Source) and not isinstance(camera, Reader)
        assert camera.info.num_frames is None
        assert (camera.info.height, camera.info.width) == (64, 96)
        frames = list(camera)
    assert time.monotonic() - start >= 14 / 30
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert len(frames) + camera.dropped == 15
    seen = [painted(frame.image) for frame in frames]
    assert seen == sorted(set(seen)) and seen[-1] == 14
    for frame, number in zip(frames, seen, strict=True):
        assert frame.time_s >= number / 30 - 0.005
    assert threads() == []


def test_a_slow_consumer_gets_the_newest_frame(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", Recipe(num_frames=30))
    with Camera(clip) as camera:
        seen = []
        for frame in camera:
            seen.append(painted(frame.image))
            time.sleep(0.2)
        assert seen[0] == 0 and seen[-1] == 29
        assert len(seen) < 12
        assert len(seen) + camera.dropped == 30


def test_closing_early_ends_iteration_and_thread(tmp_path: Path) -> None:
    camera = Camera(write_clip(tmp_path / "a.mp4"))
    frames = iter(camera)
    next(frames)
    camera.close()
    camera.close()
    assert list(frames) == []
    assert threads() == []


def test_rotation_and_change_of_size(tmp_path: Path) -> None:
    upright = Recipe(num_frames=3, rotation=90)
    with Camera(write_clip(tmp_path / "a.mp4", upright)) as camera:
        assert painted(next(iter(camera)).image) == 0
    with (
        Camera(write_resized(tmp_path / "b.ts", first=4, second=4)) as camera,
        pytest.raises(DamagedVideo, match="size changes to 48x32"),
    ):
        list(camera)


def test_broken_file_is_refused(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "a.mp4")
    with pytest.raises(BadVideo, match="moov"):
        Camera(cut(whole, tmp_path / "b.mp4", 0.5))
    assert threads() == []


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def send(clip: Path, port: int, stop: threading.Event) -> None:
    """Send the transport stream's packets, seven a datagram, again and again."""
    content = clip.read_bytes()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        while not stop.is_set():
            for start in range(0, len(content), 188 * 7):
                out.sendto(content[start : start + 188 * 7], ("127.0.0.1", port))
                if stop.wait(0.004):
                    return


def test_a_stream_over_udp(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.ts", Recipe(num_frames=60))
    port = free_port()
    stop = threading.Event()
    sender = threading.Thread(target=send, args=(clip, port, stop))
    sender.start()
    try:
        with Camera(f"udp://127.0.0.1:{port}", timeout_s=20.0) as camera:
            frames = iter(camera)
            for _ in range(5):
                frame = next(frames)
                assert frame.image.shape == (64, 96, 3)
            assert camera.info.codec == "h264"
    finally:
        stop.set()
        sender.join()
    assert threads() == []


def test_silent_network_is_given_up() -> None:
    with pytest.raises(BadVideo, match="nothing came within the time limit"):
        Camera(f"udp://127.0.0.1:{free_port()}", timeout_s=0.3)


def test_messages_hide_credentials(capfd: pytest.CaptureFixture[str]) -> None:
    address = "rtsp://admin:s3cr/e@t@127.0.0.1:1/live?token=hush"
    with pytest.raises(BadVideo) as caught:
        Camera(address, timeout_s=1.0)
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


def test_a_device_gives_rgb_until_it_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = write_clip(tmp_path / "a.mp4", Recipe(num_frames=4))
    real: Callable[[str], cv2.VideoCapture] = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: real(str(clip)))
    with Camera(0) as camera:
        frames = iter(camera)
        first = next(frames).image
        assert camera.info.source == "camera 0"
        # The lower half is red on a darker ground: RGB, not BGR.
        assert int(first[50, 50, 0]) > int(first[50, 50, 2])
        with pytest.raises(DamagedVideo, match="no more images"):
            list(frames)
