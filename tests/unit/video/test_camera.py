"""Cameras and streams: connected again after every kind of loss, no secrets in messages or
arguments, no process and no thread left.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import pytest

from tests.clips import Recipe, painted, write_clip
from tests.rtsp_server import RtspServer, free_tcp_port
from tests.watched_cameras import QUICK, WAITING, Watching, answering, left_over
from vseg.errors import BadVideo
from vseg.video.address import answers
from vseg.video.camera import Camera, LiveOptions
from vseg.video.capture import DeviceCapture
from vseg.video.reconnection import LEAST_S, MOST_S, Reconnection

KEYED = {"g": "15", "bf": "0", "crf": "12"}


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    write_clip(tmp_path / "clip.mp4", Recipe(num_frames=600, options=KEYED))
    return tmp_path


@pytest.mark.integration
def test_a_server_that_is_killed_stopped_and_started_with_another_clip(clips: Path) -> None:
    with RtspServer(clips) as server, Camera(server.address, QUICK) as camera:
        watching = Watching(camera)
        assert camera.info.fps == 30 and camera.info.codec == "h264"
        first = [watching.next() for _ in range(5)]
        assert all(painted(frame.image) >= 0 for frame in first)
        server.kill()
        assert watching.until("down").reason == "the stream ended"
        other = Recipe(num_frames=600, height=128, width=96, rate=Fraction(12), options=KEYED)
        write_clip(clips / "clip.mp4", other)
        server.start()
        frame = watching.next()
        assert frame.image.shape == (64, 96, 3) and frame.scaled_from == (128, 96)
        up = watching.changes[-1]
        assert (up.state, up.generation, up.size) == ("up", 2, (96, 128))
        assert up.gap_s is not None and up.gap_s == pytest.approx(
            frame.time_s - first[-1].time_s, abs=3.0
        )
        server.stop()
        assert "time limit" in watching.until("down").reason
        server.go_on()
        later = watching.next()
        assert camera.generation == 3 and later.index > frame.index
        assert later.time_s > frame.time_s
        counts = camera.counts()
        assert counts.reconnects == 2
        assert counts.arrived - 1 <= counts.given + counts.dropped <= counts.arrived
    assert [c.state for c in watching.changes] == ["up", "down", "up", "down", "up"]
    assert left_over() == []


@pytest.mark.integration
def test_without_drops_every_image_is_given(clips: Path) -> None:
    options = LiveOptions(timeout_s=5.0, drop=False)
    with RtspServer(clips) as server, Camera(server.address, options) as camera:
        watching = Watching(camera)
        numbers = []
        for _ in range(30):
            numbers.append(painted(watching.next().image))
            time.sleep(0.02)
        assert numbers == list(range(numbers[0], numbers[0] + 30))
        assert camera.dropped == 0


@pytest.mark.integration
def test_a_camera_that_is_away_at_first(clips: Path) -> None:
    with RtspServer(clips) as server:
        server.kill()
        with Camera(server.address, WAITING) as camera:
            watching = Watching(camera)
            down = watching.until("down")
            assert (down.generation, down.reason) == (
                0,
                "cannot be opened: connection refused",
            )
            server.start()
            assert watching.next().index == 0
            assert camera.generation == 1 and camera.info.height == 64


def test_a_stream_that_ends_at_once_is_not_asked_all_the_time() -> None:
    with answering(b"") as port, Camera(f"http://127.0.0.1:{port}/x", WAITING) as camera:
        down = Watching(camera).until("down")
        assert down.generation == 0 and down.reason
        assert camera.take(0.1) is None and not camera.ended
    assert left_over() == []


def test_a_server_that_takes_the_connection_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"rtsp://127.0.0.1:{server.getsockname()[1]}/live"
        with pytest.raises(BadVideo, match="nothing came within the time limit"):
            Camera(address, LiveOptions(timeout_s=0.5))
    assert left_over() == []


def test_the_delays_double_and_begin_anew() -> None:
    delays = Reconnection(0, seed=1)
    usual = [delays.delay_s() for _ in range(9)]
    for delay, expected in zip(usual, (0.5, 1, 2, 4, 8, 16, 30, 30, 30), strict=True):
        assert delay == pytest.approx(expected, rel=0.21)
    assert delays.delay_s(hung=True) == pytest.approx(LEAST_S, rel=0.21)
    delays.good_for(0.1)
    assert delays.delay_s() == pytest.approx(MOST_S, rel=0.21)
    delays.good_for(60.0)
    assert delays.delay_s() == pytest.approx(LEAST_S, rel=0.21)


def test_a_server_that_is_back_ends_the_wait() -> None:
    port = free_tcp_port()
    delays = Reconnection(f"rtsp://127.0.0.1:{port}/live")
    assert not delays.reachable()
    pauses: list[float] = []

    def pause(seconds: float) -> bool:
        pauses.append(seconds)
        return True

    with socket.create_server(("127.0.0.1", port)):
        delays.wait(time.monotonic() + 60, pause, away=True)
    assert len(pauses) == 1
    assert answers("udp://127.0.0.1:1", 1.0) is None and answers(3, 1.0) is None


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """A web server of the files in a folder; its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(folder))
    ) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            serving.join()


def test_a_clip_on_a_web_server_ends(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", Recipe(num_frames=25, pixel_aspect=Fraction(4, 3)))
    with web_server(tmp_path) as address:
        options = LiveOptions(timeout_s=20.0, drop=False)
        with Camera(f"{address}/a.mp4", options) as camera:
            numbers = [painted(frame.image) for frame in camera]
            assert camera.ended and camera.info.pixel_aspect == Fraction(4, 3)
    assert numbers == list(range(25))
    assert left_over() == []


def test_a_playlist_goes_on_while_it_grows_and_is_lost_when_it_does_not(
    tmp_path: Path,
) -> None:
    often = {"g": "10", "bf": "0", "crf": "12"}
    write_clip(
        tmp_path / "live.m3u8",
        Recipe(num_frames=60, container="hls", options=often, mux={"hls_time": "1"}),
    )
    playlist = (tmp_path / "live.m3u8").read_text()
    assert "#EXT-X-ENDLIST" in playlist
    (tmp_path / "live.m3u8").write_text(playlist.replace("#EXT-X-ENDLIST\n", ""))
    with web_server(tmp_path) as address:
        options = LiveOptions(timeout_s=4.0, drop=False)
        with Camera(f"{address}/live.m3u8", options) as camera:
            watching = Watching(camera)
            numbers = [painted(watching.next().image) for _ in range(30)]
            assert numbers == list(range(numbers[0], numbers[0] + 30))
            assert watching.until("down", 60.0).reason and not camera.ended


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
    """Its time stamps jump back at every repetition; the frames' times do not."""
    clip = write_clip(tmp_path / "a.ts", Recipe(num_frames=60))
    port = free_port()
    stop = threading.Event()
    sender = threading.Thread(target=send, args=(clip, port, stop))
    sender.start()
    try:
        with Camera(f"udp://127.0.0.1:{port}", LiveOptions(timeout_s=20.0)) as camera:
            watching = Watching(camera)
            times = []
            for _ in range(70):
                frame = watching.next()
                assert frame.image.shape == (64, 96, 3)
                times.append(frame.time_s)
            assert camera.info.codec == "h264"
            assert times == sorted(set(times))
            assert len(watching.changes) == 1
    finally:
        stop.set()
        sender.join()
    assert left_over() == []


def test_silent_network_is_given_up() -> None:
    with pytest.raises(BadVideo, match="nothing came within the time limit"):
        Camera(f"udp://127.0.0.1:{free_port()}", LiveOptions(timeout_s=0.3))


def test_a_device_gives_rgb_until_it_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = write_clip(tmp_path / "a.mp4", Recipe(num_frames=4))
    real: Callable[[str], cv2.VideoCapture] = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: real(str(clip)))
    device = DeviceCapture(0)
    first = device.grab()
    assert first is not None
    image = first.convert()
    # The lower half is red on a darker ground: RGB, not BGR.
    assert int(image[50, 50, 0]) > int(image[50, 50, 2])
    while device.grab() is not None:
        pass
    assert "no more images" in device.broken
    device.close()
