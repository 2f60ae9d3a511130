"""What tracks share: how the image moves, and what a newcomer is given of it."""

import numpy as np
import pytest

from vseg_trackers import Detections, LifecycleConfig, MaskletAssociator, MaskletConfig
from vseg_trackers.common_motion import common_motion

RATE = 10.0


def test_what_all_share_is_told_from_what_each_does_on_its_own() -> None:
    own = np.full((7, 2), 30.0**2)
    turning = np.array([[-400.0, 0]] * 5 + [[-370, 2], [390, 0]])
    shared = common_motion(turning, own)
    assert shared.velocity[0] == pytest.approx(-400, abs=1), "one that drives back is outvoted"
    assert shared.velocity[1] == 0
    assert 0 < shared.variance[0] < own[0, 0] / 6
    both_ways = common_motion(np.array([[60.0, 0], [-55, 0], [50, 0], [-45, 0]]), own[:4])
    assert np.abs(both_ways.velocity).max() < 60 * 0.95, "shrunk towards rest"
    little = common_motion(np.array([[12.0, 0], [-9, 0], [10, 0], [-8, 0]]), own[:4])
    assert little.velocity.tolist() == [0.0, 0.0], "no more than chance explains"


def test_one_track_that_is_certain_outweighs_many_that_are_not() -> None:
    velocity = np.array([[-300.0, 0], [100, 0], [120, 0]])
    variance = np.array([[100.0, 100], [1e6, 1e6], [1e6, 1e6]])
    assert common_motion(velocity, variance).velocity[0] == pytest.approx(-300, abs=1)


def test_a_camera_that_turns_faster_than_cars_are_wide_loses_none() -> None:
    """Each newcomer's second detection is nearer to its neighbour's first."""
    tracker = MaskletAssociator()
    # The turn begins slowly enough for the first cars to be followed by overlap alone.
    steps = [4.0 * min(n, 9) for n in range(30)]
    at = np.cumsum(steps)
    owners: dict[int, set[int]] = {}
    for frame, moved in enumerate(at):
        left = 20.0 + 55.0 * np.arange(40) - moved
        rows = ((left > 0) & (left + 45 < 640)).nonzero()[0]
        boxes = np.stack(
            [
                left[rows],
                np.full(len(rows), 100.0),
                left[rows] + 45,
                np.full(len(rows), 130.0),
            ],
            axis=1,
        )
        found = Detections(frame / RATE, boxes, np.full(len(rows), 0.99))
        for track in tracker.update(found):
            assert track.row is not None
            owners.setdefault(track.track_id, set()).add(int(rows[track.row]))
    assert all(len(cars) == 1 for cars in owners.values()), owners
    seen = set().union(*owners.values())
    assert len(owners) == len(seen) > 20, "one id for each car"


def test_a_newcomer_among_few_that_stand_is_at_rest() -> None:
    tracker = MaskletAssociator()
    for frame in range(8):
        boxes = np.array([[50.0, 50, 90, 130], [200, 50, 240, 130]])
        if frame >= 5:
            boxes = np.concatenate([boxes, [[400.0, 50, 440, 130]]])
        tracker.update(Detections(frame / RATE, boxes, np.full(len(boxes), 0.99)))
    missed = Detections(0.85, np.zeros((0, 4)), np.zeros(0))
    tracker.update(missed)
    newest = tracker.tracks()[-1]
    np.testing.assert_allclose(newest.box, [400.0, 50, 440, 130], atol=0.5)


def test_the_detection_of_the_right_size_is_taken() -> None:
    """A small car before a large one overlaps the track more than the large one does."""
    tracker = MaskletAssociator(
        MaskletConfig(life=LifecycleConfig(confirm_hits=1), strong_score=0.5)
    )
    large = [100.0, 100, 200, 180]
    for frame in range(5):
        tracker.update(Detections(frame / RATE, np.array([large]), np.array([0.9])))
    # The small one lies inside where the track is, the large one has moved by a quarter.
    moved = [132.0, 100, 232, 180]
    small = [112.0, 118, 188, 180]
    boxes = np.array([small, moved])
    tracks = tracker.update(Detections(0.5, boxes, np.array([0.9, 0.9])))
    assert [track.row for track in tracks if track.track_id == 1] == [1]
