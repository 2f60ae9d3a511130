"""Overlaps, assignment, motion and the checks of what enters a tracker."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from jaxtyping import Float

from vseg_trackers.assignment import Candidates, assign
from vseg_trackers.boxes import Overlap, overlap_matrix, touching_pairs
from vseg_trackers.costs import Gate, Labelled, overlapping
from vseg_trackers.errors import TrackerError
from vseg_trackers.kalman import BoxMotion, MotionConfig
from vseg_trackers.types import Detections


def _boxes(seed: int, num: int) -> Float[np.ndarray, "N 4"]:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 100, (num, 2))
    return np.concatenate([corner, corner + rng.uniform(5, 40, (num, 2))], axis=1)


def test_overlaps_of_known_boxes() -> None:
    a = np.array([[0.0, 0, 10, 10]])
    b = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 0, 30, 10]])
    np.testing.assert_allclose(overlap_matrix(a, b), [[1, 1 / 3, 0]])
    np.testing.assert_allclose(overlap_matrix(a, b, Overlap.GIOU), [[1, 1 / 3, -1 / 3]])
    diou = [[1, 1 / 3 - 25 / (15**2 + 10**2), -400 / (30**2 + 10**2)]]
    np.testing.assert_allclose(overlap_matrix(a, b, Overlap.DIOU), diou)


def test_touching_pairs_are_those_with_an_overlap() -> None:
    a = _boxes(0, 30)
    b = _boxes(1, 40)
    iou = overlap_matrix(a, b)
    rows, columns = touching_pairs(a, b)
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == set(
        zip(*(each.tolist() for each in np.nonzero(iou > 0)), strict=True)
    )


def test_a_box_without_area_overlaps_nothing() -> None:
    flat = np.array([[5.0, 0, 5, 10], [5, 5, 5, 5]])
    for kind in Overlap:
        assert np.isfinite(overlap_matrix(flat, flat, kind)).all()
    np.testing.assert_array_equal(overlap_matrix(flat, flat), np.zeros((2, 2)))


def _best_gain(gain: Float[np.ndarray, "R C"]) -> float:
    """The greatest total by trying every permutation, leaving out what does not pay."""
    num_rows, num_columns = gain.shape
    size = max(num_rows, num_columns)
    square = np.zeros((size, size))
    square[:num_rows, :num_columns] = np.maximum(gain, 0)
    orders = itertools.permutations(range(size))
    return max(float(square[range(size), order].sum()) for order in orders)


@pytest.mark.parametrize("seed", range(20))
def test_assignment_is_the_best_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gain = rng.uniform(-1, 1, (rng.integers(1, 6), rng.integers(1, 6)))
    gain[rng.random(gain.shape) < 0.5] = -1
    rows, columns = np.nonzero(np.ones(gain.shape, dtype=bool))
    chosen = assign(Candidates(rows, columns, gain[rows, columns]))
    assert len(set(chosen.rows.tolist())) == len(chosen.rows)
    assert len(set(chosen.columns.tolist())) == len(chosen.columns)
    assert gain[chosen.rows, chosen.columns].sum() == pytest.approx(_best_gain(gain))
    assert (gain[chosen.rows, chosen.columns] > 0).all()


def test_candidates_share_a_class_and_pass_the_gate() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [4, 0, 14, 10]])
    tracks = Labelled(np.array([4, 6]), boxes, np.array([1, 2]))
    found = Labelled(np.array([7, 9]), boxes, np.array([1, 2]))
    pairs = overlapping(tracks, found, Gate(0.3))
    assert (pairs.rows.tolist(), pairs.columns.tolist()) == ([4, 6], [7, 9])
    np.testing.assert_allclose(pairs.gain, [0.7] * 2)
    assert not len(overlapping(tracks, found, Gate(1.0)).rows)


def test_another_class_is_a_candidate_in_the_same_place_only_and_worth_less() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [2, 0, 12, 10]])
    tracks = Labelled(np.array([4, 6]), boxes, np.array([1, 2]))
    found = Labelled(np.array([7, 9]), boxes, np.array([2, 1]))
    pairs = overlapping(tracks, found, Gate(0.5))
    assert (pairs.rows.tolist(), pairs.columns.tolist()) == ([4, 4, 6, 6], [7, 9, 7, 9])
    np.testing.assert_allclose(pairs.gain, [0.3, 2 / 3 - 0.5, 2 / 3 - 0.5, 0.3])


def test_a_negative_gate_lets_boxes_match_that_do_not_touch() -> None:
    here = Labelled(np.array([0]), np.array([[0.0, 0, 10, 10]]), np.array([0]))
    there = Labelled(np.array([0]), np.array([[12.0, 0, 22, 10]]), np.array([0]))
    assert len(overlapping(here, there, Gate(-0.5, Overlap.GIOU)).rows) == 1
    assert len(overlapping(here, there, Gate(-0.5, Overlap.IOU)).rows) == 0


def _at(time_s: float) -> Float[np.ndarray, "1 4"]:
    x = 10 + 100 * time_s
    return np.array([[x, 50, x + 40, 90]])


def test_motion_learns_a_speed_in_real_time() -> None:
    motion = BoxMotion(MotionConfig())
    motion.add(_at(0.0))
    time_s = 0.0
    for step_s in [0.04, 0.1, 0.02, 0.04, 0.3, 0.04] * 5:
        time_s += step_s
        motion.predict(step_s)
        motion.correct(np.array([0]), _at(time_s))
    np.testing.assert_allclose(motion.velocity, [[100, 0]], atol=2)
    motion.predict(0.5)
    np.testing.assert_allclose(motion.boxes, _at(time_s + 0.5), atol=2)


def test_two_small_steps_are_one_large_step() -> None:
    once = BoxMotion(MotionConfig(jolt=0.0, size_jolt=0.0))
    twice = BoxMotion(MotionConfig(jolt=0.0, size_jolt=0.0))
    for motion in (once, twice):
        motion.add(_at(0.0))
        motion.predict(0.1)
        motion.correct(np.array([0]), _at(0.1))
    once.predict(0.2)
    twice.predict(0.05)
    twice.predict(0.15)
    np.testing.assert_allclose(once.planes, twice.planes)


def test_the_closed_form_is_the_matrix_filter() -> None:
    config = MotionConfig()
    motion = BoxMotion(config)
    motion.add(_at(0.0))
    scale = 40.0**2
    dt_s = 0.1
    state = np.array([motion.planes[0, 0, 0], 0.0])
    spread = np.diag([config.measured**2, config.speed**2]) * scale
    move = np.array([[1, dt_s], [0, 1]])
    noise = (
        np.array([[dt_s**3 / 3, dt_s**2 / 2], [dt_s**2 / 2, dt_s]]) * config.jolt**2 * scale
    )
    for step in range(1, 6):
        state = move @ state
        spread = move @ spread @ move.T + noise
        gain = spread[:, 0] / (spread[0, 0] + config.measured**2 * scale)
        centre = 30 + 100 * dt_s * step
        state = state + gain * (centre - state[0])
        spread = spread - np.outer(gain, spread[0])
        motion.predict(dt_s)
        motion.correct(np.array([0]), _at(dt_s * step))
    np.testing.assert_allclose(motion.planes[:2, 0, 0], state)
    np.testing.assert_allclose(
        motion.planes[2:, 0, 0], [spread[0, 0], spread[0, 1], spread[1, 1]]
    )


def test_tracks_are_predicted_each_by_its_own_time() -> None:
    motion = BoxMotion(MotionConfig())
    motion.add(np.concatenate([_at(0.0), _at(0.0), _at(0.0)]))
    motion.planes[1, :, 0] = 100
    motion.predict_each(np.array([0.1, 0.3]), np.array([0, 2]))
    np.testing.assert_allclose(motion.boxes, np.concatenate([_at(0.1), _at(0.0), _at(0.3)]))


GOOD = [10.0, 10.0, 20.0, 20.0]


@pytest.mark.parametrize(
    ("box", "score", "message"),
    [
        ([10.0, float("nan"), 20.0, 20.0], 0.5, "row 1: box .*nan.* not a number"),
        ([10.0, 10.0, float("inf"), 20.0], 0.5, "row 1: box .*inf.* not a number"),
        (
            [30.0, 10.0, 20.0, 20.0],
            0.5,
            r"row 1: box \[30\.0, 10\.0, 20\.0, 20\.0\] is inverted",
        ),
        (GOOD, 1.5, r"row 1: score 1\.5 is outside \[0, 1\]"),
        (GOOD, -0.1, "row 1: score -0.1"),
        (GOOD, float("nan"), "row 1: score nan"),
    ],
)
def test_a_bad_row_is_named(box: list[float], score: float, message: str) -> None:
    with pytest.raises(TrackerError, match=message):
        Detections(0.0, np.array([GOOD, box]), np.array([0.5, score]))


def test_a_time_that_is_not_a_time() -> None:
    with pytest.raises(TrackerError, match="time_s is nan"):
        Detections(float("nan"), np.array([GOOD]), np.array([0.5]))


def test_the_package_needs_neither_torch_nor_vseg() -> None:
    code = (
        "import sys, vseg_trackers; "
        "print(sorted({'torch', 'vseg', 'cv2', 'pandas'} & {m.split('.')[0] for m in "
        "sys.modules}))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"
