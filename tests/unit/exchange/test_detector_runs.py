"""Whether a detector ran on a frame, told from the frames with rows."""

import numpy as np
import pytest

from vseg.exchange.detector_runs import DetectorRuns, stride_of


def frames_of_rate(runs_per_s: float, fps: float, count: int) -> list[int]:
    return [round(run * fps / runs_per_s) for run in range(count)]


@pytest.mark.parametrize(
    ("frames", "stride"),
    [
        ([], 1),
        ([4], 1),
        (range(10), 1),
        ([0, 5, 10, 15, 20], 5),
        ([0, 30, 60], 30),
        ([2, 7, 17, 22, 37, 42], 5),
        (sorted({*range(0, 300, 10), 143}), 10),
        ([1, 2, 3, 5, 6, 9, 10, 11, 14], 1),
        ([*range(20, 40), *range(100, 130)], 1),
        (frames_of_rate(10, 25, 40), 2.5),
        (frames_of_rate(15, 25, 40), 5 / 3),
        (frames_of_rate(2, 29.97, 12), 14.985),
        ([0, 3, 6, 10, 13, 15, 18, 21], 3),
        ([0, 28, 61, 90, 122, 149, 181, 210], 30),
    ],
)
def test_the_stride_of_a_file(frames: list[int], stride: float) -> None:
    assert stride_of(np.array(frames, dtype=np.int64)) == pytest.approx(stride, rel=0.02)


def test_a_detector_that_misses_at_random_runs_on_every_frame() -> None:
    rng = np.random.default_rng(5)
    for share in (0.8, 0.5, 0.3, 0.1):
        assert stride_of(np.flatnonzero(rng.random(400) < share)) == 1


def ran(rows: list[int], every: int | None = None, end: int = 24) -> list[int]:
    runs = DetectorRuns.of(np.array(rows, dtype=np.int64), every)
    return [index for index in range(end) if runs.ran_on(index)]


def test_a_frame_without_rows_is_a_run_where_one_was_due() -> None:
    assert ran([0, 0, 5, 10]) == [0, 5, 10, 15, 20], "runs that detected nothing end tracks"
    assert ran([3, 8, 18, 23]) == [3, 8, 13, 18, 23]
    assert ran([4, 5, 6, 9]) == list(range(4, 24)), "none before the first row"
    assert ran(frames_of_rate(10, 25, 9)) == [0, 2, 5, 8, 10, 12, 15, 18, 20, 22]


def test_what_is_said_wins() -> None:
    assert ran([0, 8, 16], every=4) == [0, 4, 8, 12, 16, 20]
    assert ran([0, 8, 16], every=1) == list(range(24))
    assert ran([6], every=6) == [6, 12, 18]


def test_where_no_two_frames_with_rows_touch_the_detector_ran_on_no_other() -> None:
    uneven = [0, 7, 9, 20, 24, 41, 47, 50]
    runs = DetectorRuns.of(np.array(uneven, dtype=np.int64))
    assert [index for index in range(60) if runs.ran_on(index)] == uneven
    assert "frames with rows only" in runs.in_words()


def test_a_burst_and_then_a_run_now_and_then() -> None:
    burst = [*range(8), 20, 33, 45]
    assert ran(burst, end=46) == burst
    missed = [*range(8), 20, 21, 22, 23]
    assert ran(missed) == list(range(24)), "one long gap is a detector that missed"
