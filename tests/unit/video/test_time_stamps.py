"""Clips whose time stamps are not those of the decoder's order; the frames stay in order."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.clips import Recipe, painted, remux, write_clip
from vseg.video.decoder import FrameDecoder
from vseg.video.file import VideoFile
from vseg.video.stamps import ascending

FRAMES = 36


def _reads_in_order(path: Path, expected: list[int]) -> VideoFile:
    """Checks numbers, times and random access; the open file."""
    video = VideoFile(path)
    frames = list(video)
    assert [painted(frame.image) for frame in frames] == expected
    times = [frame.time_s for frame in frames]
    assert times[0] == 0 and (np.diff(times) > 0).all()
    for index in (len(expected) - 1, 2, len(expected) // 2):
        assert painted(video.read(index).image) == expected[index]
    return video


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with B-frames, 30 frames a second."""
    folder = tmp_path_factory.mktemp("whole")
    return write_clip(folder / "whole.mp4", Recipe(num_frames=FRAMES))


def _restamped(source: Path, target: Path, stamp: Callable[[int], int]) -> Path:
    """`source` with the packet at each place stamped `stamp(place)` in frames."""

    def edit(place: int, packet: "Packet[VideoStream]") -> bool:
        packet.pts = packet.dts = stamp(place) * (packet.duration or 1)
        return True

    return remux(source, target, edit)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_stamps_in_the_order_of_storage(name: str, whole: Path, tmp_path: Path) -> None:
    naive = _restamped(whole, tmp_path / name, lambda place: place)
    with _reads_in_order(naive, list(range(FRAMES))) as video:
        assert video.info.order_reason is not None
        assert "order of storage" in video.info.order_reason
        assert [round(video.time_at(i) * 30) for i in range(FRAMES)] == list(range(FRAMES))
        assert not video.info.variable_rate


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi"])
def test_a_far_frame_is_read_from_its_key_frame(
    name: str, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = tmp_path / name
    if name == "a.avi":
        write_clip(clip, Recipe(num_frames=FRAMES))
    else:
        _restamped(whole, clip, lambda place: place)
    with VideoFile(clip) as video:
        assert video.info.order_reason is not None
        decoded: list[int] = []
        inner = FrameDecoder.next_image

        def counted(decoder: FrameDecoder) -> VideoFrame | None:
            decoded.append(1)
            return inner(decoder)

        monkeypatch.setattr(FrameDecoder, "next_image", counted)
        assert painted(video.read(30).image) == 30
        assert painted(video.read(13).image) == 13
        # Of groups of 12 frames, from 24 and from 12 on, and those held back behind them.
        assert len(decoded) < 25


def test_ordinary_stamps_are_not_doubted(whole: Path) -> None:
    with VideoFile(whole) as video:
        assert video.index.doubt is None and video.info.order_reason is None


def test_joined_recordings_that_start_again(tmp_path: Path) -> None:
    first = write_clip(tmp_path / "first.ts", Recipe(num_frames=FRAMES))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() * 2)
    with VideoFile(joined) as video:
        assert video.info.order_reason == "the time stamps jump back: recordings were joined"
        assert len(video) == 2 * FRAMES
        times = [video.time_at(index) for index in range(len(video))]
        assert np.allclose(np.diff(times), 1 / 30, atol=1e-3)
        assert painted(video.read(FRAMES + 20).image) == 20
        assert painted(video.read(3).image) == 3


def test_one_repeated_stamp_leaves_all_other_times(tmp_path: Path) -> None:
    plain = write_clip(
        tmp_path / "plain.mp4", Recipe(num_frames=20, options={"g": "10", "bf": "0"})
    )
    twice = _restamped(plain, tmp_path / "a.mkv", lambda place: place - (place == 11))
    with _reads_in_order(twice, list(range(20))) as video:
        assert video.info.order_reason == "1 time stamps are repeated"
        # Matroska counts milliseconds.
        times = [video.time_at(index) for index in range(20)]
        assert np.allclose(times, np.arange(20) / 30, atol=1.1e-3)


stamp = st.one_of(st.none(), st.integers(-50, 5000))


@given(
    st.lists(stamp, min_size=1, max_size=60).filter(lambda s: any(x is not None for x in s))
)
@example([1, 1, 7, 7, 8])  # the gap between the pairs is the wider one of both
@settings(max_examples=60)
def test_any_stamps_become_ascending(stamps: list[int | None]) -> None:
    times, finer = ascending(stamps, 40.0)
    assert len(times) == len(stamps)
    assert (np.diff(times) > 0).all()
    assert finer >= 1


@given(
    st.lists(st.integers(1, 100), min_size=4, max_size=40),
    st.integers(1, 38),
    st.sampled_from(["missing", "repeated"]),
)
@settings(max_examples=60)
def test_one_fault_leaves_all_other_stamps(steps: list[int], place: int, fault: str) -> None:
    true = np.cumsum(steps)
    place = min(place, len(true) - 1)
    stamps: list[int | None] = true.tolist()
    stamps[place] = None if fault == "missing" else stamps[place - 1]
    times, finer = ascending(stamps, 40.0)
    assert {stamp * finer for stamp in stamps if stamp is not None} <= set(times.tolist())
    changed = np.flatnonzero(times != true * finer)
    assert set(changed.tolist()) <= {place - 1, place}


def test_a_repeated_stamp_after_a_pause_is_the_later_frames() -> None:
    paused: list[int | None] = [0, 40, 80, 4080, 4080, 4160, 4200]
    assert ascending(paused, 40.0)[0].tolist() == [0, 40, 80, 4080, 4120, 4160, 4200]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_a_stray_stamp_in_a_file_is_replaced(name: str, whole: Path, tmp_path: Path) -> None:
    def edit(place: int, packet: "Packet[VideoStream]") -> bool:
        assert packet.pts is not None
        packet.pts += 100_000_000 * (place == 7)
        return True

    with _reads_in_order(remux(whole, tmp_path / name, edit), list(range(FRAMES))) as video:
        assert video.info.order_reason == "the time stamps are in disorder"
        assert np.allclose(
            np.diff([video.time_at(i) for i in range(FRAMES)]), 1 / 30, atol=2e-3
        )


def test_disorder_is_sorted_and_a_stray_is_replaced() -> None:
    disorder: list[int | None] = [0, 2, 1, 3, 5, 4, 6]
    assert ascending(disorder, 1.0)[0].tolist() == list(range(7))
    stray: list[int | None] = [0, 1, 2, 90000, 4, 5, 6]
    assert ascending(stray, 1.0)[0].tolist() == list(range(7))
    joined: list[int | None] = [*range(30), *range(30)]
    assert ascending(joined, 1.0)[0].tolist() == list(range(60))
