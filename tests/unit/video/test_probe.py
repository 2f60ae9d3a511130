"""What probe says of clips whose truth is known."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.clips import Recipe, cut, write_clip, write_edit_list
from vseg.errors import BadVideo
from vseg.video.file import VideoFile
from vseg.video.probe import probe


def test_plain_clip(tmp_path: Path) -> None:
    found = probe(write_clip(tmp_path / "a.mp4"), decode=True)
    assert (found.frames, found.container_frames, found.decoded_frames) == (40, 40, 40)
    assert (found.height, found.width, found.rotation) == (64, 96, 0)
    assert found.fps_nominal == found.fps_average == 30
    assert not found.variable_rate and not found.hdr
    assert found.duration_s == pytest.approx(40 / 30)
    assert (found.keyframes, found.longest_gop) == (4, 12)
    assert (found.codec, found.pixel_format, found.bit_depth) == ("h264", "yuv420p", 8)
    assert found.damage is None and found.tail_unreadable == 0


def test_decoding_is_only_done_on_request(tmp_path: Path) -> None:
    assert probe(write_clip(tmp_path / "a.mp4")).decoded_frames is None


def test_variable_rate(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", Recipe(num_frames=5, times=[0, 3, 6, 60, 90]))
    found = probe(clip)
    assert found.variable_rate
    assert found.fps_average == 4


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_pause_leaves_the_nominal_rate(name: str, tmp_path: Path) -> None:
    times = [n * 3 + 400 * (n > 8) + 3 * (n > 15) for n in range(24)]
    found = probe(write_clip(tmp_path / name, Recipe(num_frames=24, times=times)))
    assert found.variable_rate
    assert found.fps_nominal == 30
    assert found.fps_average is not None and found.fps_average < 5
    with VideoFile(tmp_path / name) as video:
        assert [round(video.time_at(n) * 90) for n in range(24)] == times


def test_edit_list_and_rotation(tmp_path: Path) -> None:
    found = probe(write_edit_list(tmp_path / "a.mp4", skipped=7))
    assert (found.frames, found.container_frames, found.edit_list_hides) == (33, 40, 7)
    turned = probe(write_clip(tmp_path / "b.mp4", Recipe(rotation=270, num_frames=3)))
    assert (turned.height, turned.width, turned.rotation) == (64, 96, 270)


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    wide = Recipe(num_frames=3, pixel_aspect=Fraction(4, 3))
    found = probe(write_clip(tmp_path / "a.mp4", wide))
    assert (found.height, found.width, found.pixel_aspect) == (64, 96, Fraction(4, 3))
    turned = probe(write_clip(tmp_path / "b.mp4", replace(wide, rotation=90)))
    assert (turned.height, turned.width, turned.pixel_aspect) == (64, 96, Fraction(3, 4))
    assert probe(write_clip(tmp_path / "c.mp4", Recipe(num_frames=3))).pixel_aspect == 1


def test_deep_colour(tmp_path: Path) -> None:
    options = {"x265-params": "log-level=none:transfer=16:colorprim=9:colormatrix=9"}
    hdr = Recipe(num_frames=5, codec="libx265", pix_fmt="yuv420p10le", options=options)
    found = probe(write_clip(tmp_path / "a.mkv", hdr))
    assert (found.bit_depth, found.hdr) == (10, True)


@pytest.mark.parametrize("name", ["a.mp4", "a.ts"])
def test_damage_at_the_tail_is_found_without_decoding_all(name: str, tmp_path: Path) -> None:
    whole = write_clip(tmp_path / name, Recipe(num_frames=60, mux={"movflags": "faststart"}))
    clip = cut(whole, tmp_path / f"cut-{name}", 0.771)
    quick = probe(clip)
    thorough = probe(clip, decode=True)
    assert quick.damaged_frame == thorough.damaged_frame == thorough.decoded_frames
    assert quick.damage == thorough.damage is not None
    assert thorough.decoded_frames is not None
    assert quick.tail_unreadable == quick.frames - thorough.decoded_frames


def test_json_has_only_plain_values(tmp_path: Path) -> None:
    found = probe(write_clip(tmp_path / "a.mp4", Recipe(rate=Fraction(30000, 1001))))
    plain = json.loads(json.dumps(found.to_json()))
    assert plain["fps_nominal"] == "30000/1001"
    assert plain["frames"] == 40


def test_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(BadVideo, match="no such file"):
        probe(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("stamps_s", "rate"),
    [
        ([0, 1800, 3600, 5400], Fraction(1, 1800)),  # a frame every half hour
        ([0, 10**6, 2 * 10**6, 3 * 10**6], Fraction(1, 10**6)),
        ([0, 3600, 7200, 86400, 90000], Fraction(1, 3600)),  # and a night between
        ([0, 2, 4, 6], Fraction(1, 2)),
    ],
)
def test_less_than_a_frame_a_second(
    tmp_path: Path, stamps_s: list[int], rate: Fraction
) -> None:
    path = tmp_path / "slow.mkv"
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "bgr0"
        for stamp in stamps_s:
            frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), "rgb24")
            frame.pts = stamp * 10
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with VideoFile(path) as video:
        assert video.info.fps == rate
        assert [round(frame.time_s) for frame in video] == stamps_s
