"""Reading ahead: the same items in order, errors in their place, and no thread left behind."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clips import painted, write_clip
from vseg.errors import UsageError
from vseg.video.file import VideoFile
from vseg.video.prefetch import ahead


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "vseg-ahead"]


def test_same_items_in_order() -> None:
    with ahead(range(100), depth=3) as items:
        assert list(items) == list(range(100))
        assert list(items) == []
    assert threads() == []


def test_an_error_comes_after_the_items_before_it() -> None:
    def source() -> Iterator[int]:
        yield from range(5)
        raise ValueError("broken at 5")

    got = []
    with (
        pytest.raises(ValueError, match="broken at 5"),
        ahead(source(), depth=2) as items,
    ):
        for item in items:
            time.sleep(0.001)
            got.append(item)
    assert got == [0, 1, 2, 3, 4]
    assert threads() == []


def test_runs_ahead_but_no_further_than_its_depth() -> None:
    taken: list[int] = []

    def source() -> Iterator[int]:
        for item in range(50):
            taken.append(item)
            yield item

    with ahead(source(), depth=4) as items:
        next(items)
        deadline = time.monotonic() + 5
        while len(taken) < 6 and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.02)
        # One was consumed, four wait in the queue, one waits for room.
        assert len(taken) == 6


def test_leaving_early_stops_the_thread_and_closes_the_source() -> None:
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            closed.set()

    with ahead(source(), depth=2) as items:
        assert next(items) == 0
    assert closed.is_set()
    assert threads() == []
    assert list(items) == []


def test_an_error_that_is_never_reached_is_dropped() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ValueError("never asked for")

    with ahead(source(), depth=4) as items:
        assert next(items) == 1
    assert threads() == []


def test_depth_must_hold_something() -> None:
    with pytest.raises(UsageError, match="depth 0"), ahead(range(3), depth=0):
        pass


def test_frames_ahead_while_others_are_read(tmp_path: Path) -> None:
    with VideoFile(write_clip(tmp_path / "a.mp4")) as video, ahead(video.frames()) as frames:
        for number, frame in enumerate(frames):
            assert painted(frame.image) == number
            if number % 10 == 0:
                assert painted(video.read(39 - number).image) == 39 - number
