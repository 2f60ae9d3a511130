"""Wrong bytes in the middle of a clip cost the images that are made of them: none is shown."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.packet import Packet
from av.video.stream import VideoStream

from tests.clips import Recipe, painted, readable, remux, write_clip
from vseg.video.file import VideoFile

H264 = {"g": "8", "bf": "2", "crf": "10", "sc_threshold": "0"}
HASHED = "log-level=none:keyint=8:min-keyint=8:scenecut=0:bframes=2:hash=1"


def noise(path: Path, codec: str, pix_fmt: str, options: dict[str, str]) -> Path:
    """A clip whose images differ everywhere, so that few wrong bytes are no valid ones."""
    rng = np.random.default_rng(4)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=24, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 120, pix_fmt
        for _ in range(24):
            image = np.kron(rng.integers(0, 255, (30, 40, 3), np.uint8), np.ones((4, 4, 1)))
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image.astype(np.uint8))))
        out.mux(stream.encode())
    return path


def spoiled(whole: Path, target: Path, *, share: float, count: int, packet: int = 8) -> Path:
    """The clip with so many wrong bytes in one packet.  share: where in it they begin."""

    def spoil(at: int, one: "Packet[VideoStream]") -> bool:
        if at == packet:
            content = bytearray(bytes(one))
            place = int(len(content) * share)
            wrong = content[place : place + count]
            content[place : place + count] = bytes(b ^ 0x55 for b in wrong)
            one.update(bytes(content))
        return True

    return remux(whole, target, spoil)


@pytest.mark.parametrize("share", [0.3, 0.4, 0.5])
@pytest.mark.parametrize(
    ("codec", "options"),
    [
        # With threads over slices its decoder does not report them.
        ("libx264", H264),
        ("libx265", {"preset": "ultrafast", "x265-params": HASHED}),
        # FFmpeg's own decoder does not report them at all.
        ("libvpx-vp9", {"g": "8", "deadline": "realtime", "cpu-used": "8"}),
    ],
)
def test_a_few_wrong_bytes_in_a_key_frame_are_damage(
    codec: str, options: dict[str, str], share: float, tmp_path: Path
) -> None:
    whole = noise(tmp_path / "whole.mkv", codec, "yuv420p", options)
    with VideoFile(spoiled(whole, tmp_path / "a.mkv", share=share, count=40)) as video:
        assert readable(video)[1] == list(range(8, 16))


def test_wrong_bytes_in_a_motion_jpeg_cost_one_frame(tmp_path: Path) -> None:
    whole = noise(tmp_path / "whole.avi", "mjpeg", "yuvj420p", {})
    with VideoFile(spoiled(whole, tmp_path / "a.avi", share=0.5, count=200)) as video:
        assert readable(video)[1] == [8]


@pytest.mark.parametrize("name", ["a.webm", "a.mkv", "a.mp4"])
def test_what_is_whole_of_a_spoiled_vp9_is_the_same_from_everywhere(
    name: str, tmp_path: Path
) -> None:
    """It is decoded by libvpx, which holds nothing back over a seek."""
    recipe = Recipe(num_frames=36, codec="libvpx-vp9", options={"g": "12"})
    whole = write_clip(tmp_path / f"whole-{name}", recipe)
    with VideoFile(whole) as video:
        assert [painted(frame.image) for frame in video] == list(range(36))
        assert [painted(frame.image) for frame in video.frames(35, None, -1)] == [
            *range(35, -1, -1)
        ]
        assert video.info.codec == "vp9"
    with VideoFile(spoiled(whole, tmp_path / name, share=0.5, count=9, packet=16)) as video:
        for number in (30, 3, 24, 15, 35, 11):
            assert painted(video.read(number).image) == number
        good, bad = readable(video)
        assert bad == list(range(16, 24))
        assert len(good) == 28


def test_a_vp9_whose_stamps_are_in_disorder_is_read_from_its_key_frames(
    tmp_path: Path,
) -> None:
    recipe = Recipe(num_frames=36, codec="libvpx-vp9", options={"g": "12"})
    whole = write_clip(tmp_path / "whole.mkv", recipe)

    def disorder(at: int, one: "Packet[VideoStream]") -> bool:
        if at == 20 and one.pts is not None:
            one.pts += 40
        return True

    with VideoFile(remux(whole, tmp_path / "a.mkv", disorder)) as video:
        assert video.info.order_reason == "the time stamps are in disorder"
        assert video.index.key_places.tolist() == [0, 12, 24]
        for number in (30, 3, 24, 15, 35, 11):
            assert painted(video.read(number).image) == number
