"""Files that are whole but awkward: every frame must still come out under its own number."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from av.packet import Packet
from av.video.stream import VideoStream

from tests.clips import Recipe, paint, painted, remux, write_clip, write_edit_list
from vseg.errors import BadVideo, UsageError
from vseg.video import file as video_module
from vseg.video.file import VideoFile

X265 = {"x265-params": "log-level=none"}
AWKWARD = {
    "transport stream": ("a.ts", Recipe()),
    "open groups": (
        "a.ts",
        Recipe(options={"g": "12", "bf": "3", "x264-params": "open-gop=1"}),
    ),
    "mpeg2 stream": (
        "a.ts",
        Recipe(codec="mpeg2video", options={"g": "9", "bf": "2", "b": "2M"}),
    ),
    "matroska": ("a.mkv", Recipe()),
    "fragmented": ("a.mp4", Recipe(mux={"movflags": "frag_keyframe+empty_moov"})),
    "variable rate": ("a.mp4", Recipe(times=[i * 3 + 40 * (i // 7) for i in range(40)])),
    "rotated 90": ("a.mp4", Recipe(rotation=90)),
    "rotated 180": ("a.mp4", Recipe(rotation=180)),
    "rotated 270": ("a.mp4", Recipe(rotation=270)),
    "odd size": ("a.mp4", Recipe(height=65, width=97, pix_fmt="yuv444p")),
    "odd vp9": (
        "a.webm",
        Recipe(height=65, width=97, codec="libvpx-vp9", options={"g": "12"}),
    ),
    "vp8": ("a.webm", Recipe(codec="libvpx", options={"g": "12", "auto-alt-ref": "1"})),
    "10 bit": ("a.mkv", Recipe(codec="libx265", pix_fmt="yuv420p10le", options=X265)),
    "grey": ("a.mkv", Recipe(codec="ffv1", pix_fmt="gray", options={})),
    "avi, guessed stamps": ("a.avi", Recipe()),
    "avi, mpeg4": ("a.avi", Recipe(codec="mpeg4", options={"g": "12", "bf": "2"})),
    "no stamps": ("a.h264", Recipe()),
    "one long group": ("a.mp4", Recipe(options={"g": "1000", "bf": "3", "sc_threshold": "0"})),
    "all key frames": ("a.mp4", Recipe(options={"g": "1"})),
    "name with a space": ("ein Ümläut 影片.mp4", Recipe()),
    "leading dash": ("-i.mp4", Recipe()),
    "colon": ("http:a.mp4", Recipe()),
    "percent": ("a%03d.mp4", Recipe()),
}


def numbers(video: VideoFile) -> list[int]:
    return [painted(frame.image) for frame in video]


@pytest.mark.parametrize("name", AWKWARD)
def test_every_frame_under_its_number(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file, recipe = AWKWARD[name]
    write_clip(Path(file), recipe)
    expected = list(range(recipe.num_frames))
    with VideoFile(file) as video:
        assert (video.info.height, video.info.width) == (recipe.height, recipe.width)
        assert video.info.rotation == recipe.rotation
        assert video.info.variable_rate == (recipe.times is not None)
        assert numbers(video) == expected
        order = np.random.default_rng(1).permutation(expected).tolist()
        assert [painted(video.read(index).image) for index in order] == order
        assert [painted(f.image) for f in video.frames(39, None, -1)] == expected[::-1]


def test_rotation_keeps_every_pixel_upright(tmp_path: Path) -> None:
    lossless = Recipe(num_frames=2, codec="libx264rgb", pix_fmt="rgb24", options={"crf": "0"})
    for rotation in (0, 90, 180, 270):
        recipe = Recipe(**{**vars(lossless), "rotation": rotation})
        with VideoFile(write_clip(tmp_path / f"{rotation}.mp4", recipe)) as video:
            np.testing.assert_array_equal(video.read(1).image, paint(1))


def test_edit_list_hides_its_frames(tmp_path: Path) -> None:
    with VideoFile(write_edit_list(tmp_path / "a.mp4", skipped=7)) as video:
        shown = list(range(7, 40))
        assert len(video) == len(shown)
        assert video.index.discarded == 7
        assert numbers(video) == shown
        assert [painted(video.read(i).image) for i in (30, 0, 4, 5, 6)] == [37, 7, 11, 12, 13]
        assert [painted(f.image) for f in video.frames(32, None, -1)] == shown[::-1]
        assert video.read(0).time_s == 0.0


def test_recording_that_starts_between_key_frames(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.ts")
    late = remux(whole, tmp_path / "late.ts", lambda position, _: position >= 5)
    with VideoFile(late) as video:
        assert numbers(video) == list(range(12, 40))
        assert video.index.head_dropped > 0
        assert painted(video.read(0).image) == 12


def test_reference_that_is_never_shown_is_no_frame(tmp_path: Path) -> None:
    recipe = Recipe(num_frames=20, codec="libvpx", options={"g": "10", "auto-alt-ref": "0"})
    whole = write_clip(tmp_path / "whole.webm", recipe)

    def hide(position: int, packet: "Packet[VideoStream]") -> bool:
        if position == 5:
            packet.update(bytes([bytes(packet)[0] & ~0x10]) + bytes(packet)[1:])
        return True

    with VideoFile(remux(whole, tmp_path / "hidden.webm", hide)) as video:
        assert numbers(video) == [number for number in range(20) if number != 5]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_mirroring_display_matrix_is_applied(rotation: int, tmp_path: Path) -> None:
    """Turned first, then flipped left to right, as av_display_matrix_flip defines it."""
    lossless = Recipe(num_frames=2, codec="libx264rgb", pix_fmt="rgb24", options={"crf": "0"})
    plain = Recipe(**{**vars(lossless), "rotation": rotation, "mirrored": True})
    with VideoFile(write_clip(tmp_path / "a.mp4", plain)) as video:
        assert video.info.mirrored
        assert (video.info.height, video.info.width) == (64, 96)
        np.testing.assert_array_equal(video.read(1).image, paint(1)[:, ::-1])


def test_a_skewed_display_matrix_is_refused(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", Recipe(num_frames=3, rotation=45))
    with pytest.raises(BadVideo, match="turns the image by"):
        VideoFile(clip)


def test_repeated_time_stamps_are_counted_by_decoding(tmp_path: Path) -> None:
    plain = Recipe(num_frames=20, options={"g": "10", "bf": "0"})
    whole = write_clip(tmp_path / "whole.mp4", plain)

    def repeat(position: int, packet: "Packet[VideoStream]") -> bool:
        if position == 10:
            packet.pts = (packet.pts or 0) + (packet.duration or 0)
        return True

    twice = remux(whole, tmp_path / "twice.mkv", repeat)
    with VideoFile(twice) as video:
        assert video.index.by_order
        assert len(video) == 20
        assert numbers(video) == list(range(20))
        assert painted(video.read(13).image) == 13
        assert painted(video.read(2).image) == 2


def test_rates_are_exact_fractions(tmp_path: Path) -> None:
    ntsc = Fraction(30000, 1001)
    for name in ("a.mp4", "a.mkv", "a.ts"):
        with VideoFile(write_clip(tmp_path / name, Recipe(rate=ntsc))) as video:
            assert video.info.fps == ntsc
            assert not video.info.variable_rate
    with VideoFile(write_clip(tmp_path / "one.mp4", Recipe(num_frames=1))) as video:
        assert numbers(video) == [0]


def test_variable_rate_keeps_each_time(tmp_path: Path) -> None:
    times = [0, 3, 6, 30, 33, 90]
    with VideoFile(write_clip(tmp_path / "a.mp4", Recipe(num_frames=6, times=times))) as video:
        assert [round(frame.time_s * 90) for frame in video] == times


def test_in_order_reading_never_seeks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with VideoFile(write_clip(tmp_path / "a.mp4")) as video:

        def refuse(_: int) -> None:
            raise AssertionError("moved")

        monkeypatch.setattr(video._stream, "_move_before", refuse)
        assert numbers(video) == list(range(40))
        assert painted(video.read(39).image) == 39


def test_backward_holds_a_bounded_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_module, "BACKWARD_FRAMES", 5)
    long_group = Recipe(options={"g": "1000", "bf": "2", "sc_threshold": "0"})
    with VideoFile(write_clip(tmp_path / "a.mp4", long_group)) as video:
        backward = [painted(frame.image) for frame in video.frames(39, None, -1)]
        assert backward == list(range(40))[::-1]
        assert [painted(f.image) for f in video.frames(38, 3, -7)] == [38, 31, 24, 17, 10]


def test_two_iterations_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    with VideoFile(write_clip(tmp_path / "a.mp4")) as video:
        pairs = [
            (painted(one.image), painted(other.image))
            for one, other in zip(video.frames(0, 20), video.frames(20, 40), strict=True)
        ]
    assert pairs == [(i, i + 20) for i in range(20)]


def test_closed_file_says_so(tmp_path: Path) -> None:
    with VideoFile(write_clip(tmp_path / "a.mp4")) as video:
        pass
    with pytest.raises(UsageError, match="was closed"):
        video.read(0)


def test_one_pixel(tmp_path: Path) -> None:
    dot = Recipe(num_frames=3, height=1, width=1, codec="ffv1", pix_fmt="bgr0", options={})
    with VideoFile(write_clip(tmp_path / "a.mkv", dot)) as video:
        assert [frame.image.shape for frame in video] == [(1, 1, 3)] * 3
