"""Synthetic crowds have exact truth and repeat; causes of switches have their names."""

import numpy as np
import pytest

from benchmarks.box_sequences import Sequence
from benchmarks.crowds import crowd, observed, street, views
from benchmarks.switch_causes import Cause, switch_causes
from vseg.metrics.identity_clip import IdentifiedBoxes
from vseg_trackers import Detections, Track, TrackState


def test_a_crowd_repeats_and_its_truth_lies_in_the_image() -> None:
    for scene, again in (
        (crowd(3, 8.0, pans=True), crowd(3, 8.0, pans=True)),
        (street(3, 5.0), street(3, 5.0)),
    ):
        first = observed(scene, 1)
        second = observed(again, 1)
        assert len(first.truth) == len(first.detections) > 40
        ids: set[int] = set()
        for frame, other in zip(first.truth, second.truth, strict=True):
            np.testing.assert_array_equal(frame.boxes, other.boxes)
            assert (frame.boxes[:, 2:] > frame.boxes[:, :2]).all()
            assert (frame.boxes >= 0).all()
            ids.update(frame.ids.tolist())
        assert len(ids) > 10
        for found, other_found in zip(first.detections, second.detections, strict=True):
            np.testing.assert_array_equal(found.boxes, other_found.boxes)


def test_the_nearer_of_two_hides_the_other() -> None:
    scene = crowd(0, 8.0, pans=False)
    shares = [share for view in views(scene) for share in view.share_open.tolist()]
    assert min(shares) < 0.5, "people pass in front of each other"
    assert all(view.share_open[0] == 1 for view in views(scene) if len(view.ids))


class Scripted:
    """A tracker that says what it is told to."""

    def __init__(self, script: list[dict[int, int | None]]) -> None:
        self._script = iter(script)
        self._tracks: tuple[Track, ...] = ()

    def update(self, detections: Detections) -> tuple[Track, ...]:
        boxes = detections.boxes.tolist()
        self._tracks = tuple(
            Track(
                track_id,
                TrackState.CONFIRMED if row is not None else TrackState.OCCLUDED,
                (0.0, 0.0, 1.0, 1.0) if row is None else tuple(boxes[row]),
                0.9,
                0,
                row,
                0.0,
                detections.time_s,
            )
            for track_id, row in next(self._script).items()
        )
        return tuple(track for track in self._tracks if track.row is not None)

    def tracks(self) -> tuple[Track, ...]:
        return self._tracks


@pytest.mark.parametrize(
    "after, causes",
    [
        ({1: 0, 2: 1}, {}),
        ({2: 1, 3: 0}, {Cause.ENDED: 1}),
        ({1: None, 2: 1, 3: 0}, {Cause.WAITS: 1}),
        ({1: 1, 2: None, 3: 0}, {Cause.PASSED: 1, Cause.OTHER: 1}),
        ({1: 1, 2: 0}, {Cause.SWAPPED: 2}),
        ({1: 2, 2: 1, 3: 0}, {Cause.DOUBLE: 1}),
    ],
)
def test_causes_of_switches(after: dict[int, int | None], causes: dict[Cause, int]) -> None:
    """Objects 11 and 12 are tracked as 1 and 2, then as `after` says: row by track."""
    boxes = np.array([[10.0, 10, 50, 50], [90.0, 10, 130, 50]])
    truth = [IdentifiedBoxes(np.array([11, 12]), boxes)] * 2
    found_boxes = np.concatenate([boxes, [[30.0, 10, 70, 50]]])  # the first object's, again
    detections = [Detections(t / 10, found_boxes, np.full(3, 0.9)) for t in range(2)]
    sequence = Sequence("two", truth, detections)
    found = switch_causes(lambda: Scripted([{1: 0, 2: 1}, after]), sequence)
    assert dict(found) == causes
