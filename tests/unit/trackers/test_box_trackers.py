"""What every box tracker promises, on scenes whose identities are known."""

from collections.abc import Callable

import numpy as np
import pytest
from jaxtyping import Float

from vseg_trackers import (
    ByteTrack,
    ByteTrackConfig,
    Detections,
    LifecycleConfig,
    MaskletAssociator,
    MaskletConfig,
    OCSort,
    OCSortConfig,
    Sort,
    SortConfig,
    Track,
    TrackerError,
    TrackState,
)

Tracker = Sort | ByteTrack | OCSort | MaskletAssociator
LIFE = LifecycleConfig(confirm_hits=3, confirm_score=1.0, occluded_s=0.3, lost_s=1.0)
MAKERS: dict[str, Callable[[], Tracker]] = {
    "sort": lambda: Sort(SortConfig(life=LIFE)),
    "bytetrack": lambda: ByteTrack(ByteTrackConfig(life=LIFE)),
    "ocsort": lambda: OCSort(OCSortConfig(life=LIFE)),
    "masklet": lambda: MaskletAssociator(MaskletConfig(life=LIFE)),
}


@pytest.fixture(params=list(MAKERS))
def tracker(request: pytest.FixtureRequest) -> Tracker:
    return MAKERS[request.param]()


def _box(x: float, y: float, side: float = 40.0) -> list[float]:
    return [x, y, x + side, y + side]


def _frame(
    time_s: float, boxes: list[list[float]], score: float = 0.95, label: int = 0
) -> Detections:
    array: Float[np.ndarray, "N 4"] = np.array(boxes, dtype=float).reshape(-1, 4)
    return Detections(
        time_s, array, np.full(len(boxes), score), np.full(len(boxes), label, dtype=np.int64)
    )


def _ids(tracks: tuple[Track, ...]) -> list[int]:
    return [track.track_id for track in tracks]


def test_output_is_in_input_order_and_names_the_row(tracker: Tracker) -> None:
    boxes = [_box(0, 0), _box(200, 0), _box(400, 0)]
    first = tracker.update(_frame(0.0, boxes), tentative=True)
    assert _ids(first) == [1, 2, 3]
    shuffled = [boxes[2], boxes[0], boxes[1]]
    second = tracker.update(_frame(0.1, shuffled), tentative=True)
    assert _ids(second) == [3, 1, 2]
    assert [track.row for track in second] == [0, 1, 2]
    np.testing.assert_allclose([track.box for track in second], shuffled)


def test_a_track_is_confirmed_by_hits_or_by_one_strong_score() -> None:
    for make in (
        lambda life: Sort(SortConfig(life=life)),
        lambda life: ByteTrack(ByteTrackConfig(life=life)),
        lambda life: OCSort(OCSortConfig(life=life)),
        lambda life: MaskletAssociator(MaskletConfig(life=life)),
    ):
        slow = make(LIFE)
        quick = make(LifecycleConfig(confirm_hits=3, confirm_score=0.9))
        states = [
            slow.update(_frame(t / 10, [_box(0, 0)]), tentative=True)[0].state
            for t in range(3)
        ]
        assert states == [TrackState.TENTATIVE, TrackState.TENTATIVE, TrackState.CONFIRMED]
        assert (
            quick.update(_frame(0.0, [_box(0, 0)]), tentative=True)[0].state
            is TrackState.CONFIRMED
        )


def test_a_tentative_track_ends_at_its_first_miss(tracker: Tracker) -> None:
    tracker.update(_frame(0.0, [_box(0, 0)]), tentative=True)
    tracker.update(_frame(0.1, []), tentative=True)
    assert tracker.tracks() == ()
    assert _ids(tracker.update(_frame(0.2, [_box(0, 0)]), tentative=True)) == [2]


def test_states_of_absence_follow_seconds_not_frames(tracker: Tracker) -> None:
    for t in range(4):
        tracker.update(_frame(t / 10, [_box(0, 0)]), tentative=True)
    states = []
    for time_s in (0.31, 0.55, 0.65, 1.25):
        tracker.update(_frame(time_s, []), tentative=True)
        states.append(tracker.tracks()[0].state)
    assert states == [TrackState.OCCLUDED] * 2 + [TrackState.LOST] * 2
    tracker.update(_frame(1.35, []), tentative=True)
    assert tracker.tracks() == ()
    assert _ids(tracker.update(_frame(1.4, [_box(0, 0)]), tentative=True)) == [2]


def test_where_frames_are_seconds_apart_misses_count_too(tracker: Tracker) -> None:
    """One miss of a video of 0.2 frames a second is longer than any patience in seconds."""
    for t in range(4):
        tracker.update(_frame(5.0 * t, [_box(2.0 * t, 0)]), tentative=True)
    tracker.update(_frame(20.0, []), tentative=True)
    tracker.update(_frame(25.0, []), tentative=True)
    assert _ids(tracker.update(_frame(30.0, [_box(12.0, 0)]), tentative=True)) == [1]
    for t in (7, 8, 9):
        tracker.update(_frame(5.0 * t, []), tentative=True)
    assert tracker.tracks() == ()


def test_a_moving_object_is_found_again_after_an_occlusion(tracker: Tracker) -> None:
    for frame in range(50):
        hidden = 20 <= frame < 32
        boxes = [] if hidden else [_box(6.0 * frame, 100)]
        tracks = tracker.update(_frame(frame / 25, boxes), tentative=True)
        assert _ids(tracks) == ([] if hidden else [1]), frame
    assert tracks[0].state is TrackState.CONFIRMED
    assert (tracks[0].first_s, tracks[0].last_s) == (0.0, 49 / 25)


def test_crossing_objects_keep_their_ids(tracker: Tracker) -> None:
    for frame in range(60):
        boxes = [_box(5.0 * frame, 100), _box(300 - 5.0 * frame, 125)]
        assert _ids(tracker.update(_frame(frame / 25, boxes), tentative=True)) == [1, 2], frame


def test_frame_rate_and_uneven_times_change_nothing(tracker: Tracker) -> None:
    rng = np.random.default_rng(0)
    times_s = np.cumsum(rng.uniform(0.01, 0.12, 60))
    for time_s in times_s.tolist():
        boxes = [_box(120 * time_s, 50), _box(600 - 80 * time_s, 60 + 30 * time_s)]
        assert _ids(tracker.update(_frame(time_s, boxes), tentative=True)) == [1, 2]


def test_objects_of_two_classes_do_not_mix(tracker: Tracker) -> None:
    """A rider is not detected for a moment; the bicycle under him does not take his track."""
    rider = _box(0, 0)
    bicycle = _box(0, 16)
    for t in range(8):
        boxes = [bicycle] if t == 5 else [rider, bicycle]
        labels = np.array([2] if t == 5 else [1, 2])
        frame = Detections(t / 10, np.array(boxes), np.full(len(boxes), 0.95), labels)
        tracks = tracker.update(frame, tentative=True)
        assert _ids(tracks) == ([2] if t == 5 else [1, 2])
    assert [track.label for track in tracks] == [1, 2]


def test_a_class_that_flickers_is_of_one_object(tracker: Tracker) -> None:
    labels = [3, 3, 1, 3, 1, 5, 6, 7, 8, 9, 1, 1, 1]
    given = []
    for t, label in enumerate(labels):
        (track,) = tracker.update(
            _frame(t / 10, [_box(3.0 * t, 0)], label=label), tentative=True
        )
        assert track.track_id == 1
        given.append(track.label)
    assert given == [3] * 11 + [1] * 2, "the class of most detections, the first of equals"


def test_counts_of_classes_are_in_a_snapshot(tracker: Tracker) -> None:
    for t, label in enumerate([3, 1, 1]):
        tracker.update(_frame(t / 10, [_box(0, 0)], label=label), tentative=True)
    other = type(tracker)(tracker._config)  # type: ignore[arg-type]
    other.restore(tracker.snapshot())
    tracks = [
        each.update(_frame(0.3, [_box(0, 0)], label=3), tentative=True)
        for each in (tracker, other)
    ]
    assert tracks[0] == tracks[1] and tracks[0][0].label == 1


def test_time_must_go_forward(tracker: Tracker) -> None:
    tracker.update(_frame(0.5, [_box(0, 0)]), tentative=True)
    for time_s in (0.5, 0.2):
        with pytest.raises(TrackerError, match=f"time_s {time_s} does not come after 0.5"):
            tracker.update(_frame(time_s, [_box(0, 0)]), tentative=True)
    assert _ids(tracker.update(_frame(0.6, [_box(0, 0)]), tentative=True)) == [1]


def test_reset_starts_again_and_instances_are_apart(tracker: Tracker) -> None:
    other = Sort()
    tracker.update(_frame(5.0, [_box(0, 0), _box(99, 99)]), tentative=True)
    assert _ids(other.update(_frame(0.0, [_box(0, 0)]), tentative=True)) == [1]
    tracker.reset()
    assert tracker.tracks() == ()
    assert _ids(tracker.update(_frame(0.0, [_box(300, 0)]), tentative=True)) == [1]


def test_a_box_without_area_does_no_harm(tracker: Tracker) -> None:
    for t in range(5):
        tracks = tracker.update(
            _frame(t / 10, [[5.0, 0, 5, 9], [5, 5, 5, 5], _box(100, 0)]), tentative=True
        )
        assert all(np.isfinite(track.box).all() for track in (*tracks, *tracker.tracks()))


def test_no_detections_at_all(tracker: Tracker) -> None:
    assert tracker.update(_frame(0.0, []), tentative=True) == ()
    assert tracker.tracks() == ()


def test_weak_detections_carry_a_track_only_where_two_rounds_are_made() -> None:
    outcomes = {}
    for name, make in MAKERS.items():
        tracker = make()
        for t in range(5):
            tracker.update(_frame(t / 10, [_box(0, 0)]), tentative=True)
        outcomes[name] = _ids(
            tracker.update(_frame(0.5, [_box(0, 0)], score=0.35), tentative=True)
        )
    assert outcomes == {"sort": [], "bytetrack": [1], "ocsort": [], "masklet": [1]}
    for name in ("bytetrack", "masklet"):
        assert (
            MAKERS[name]().update(_frame(0.0, [_box(0, 0)], score=0.35), tentative=True) == ()
        )


def test_momentum_prefers_the_detection_straight_ahead() -> None:
    straight = OCSort(OCSortConfig(life=LIFE, momentum=1.0))
    for t in range(10):
        straight.update(_frame(t / 10, [_box(8.0 * t, 0)]), tentative=True)
    # Two boxes overlap the prediction alike; only one continues the way the object came.
    ahead = _box(8.0 * 10 + 3, 0)
    back = _box(8.0 * 10 - 12, 0)
    tracks = straight.update(_frame(1.0, [back, ahead]), tentative=True)
    assert [track.track_id for track in tracks if track.row == 1] == [1]


def test_recovery_uses_the_last_observed_box() -> None:
    """An object that stops while hidden is where it was last seen, not where motion puts
    it.
    """
    found = []
    for make in (MAKERS["ocsort"], MAKERS["masklet"], MAKERS["sort"]):
        tracker = make()
        for t in range(10):
            tracker.update(_frame(t / 10, [_box(15.0 * t, 0)]), tentative=True)
        for t in range(10, 15):
            tracker.update(_frame(t / 10, []), tentative=True)
        found.append(_ids(tracker.update(_frame(1.5, [_box(15.0 * 9, 0)]), tentative=True)))
    assert found == [[1], [1], [2]]


def test_what_is_not_confirmed_is_returned_on_request_only(tracker: Tracker) -> None:
    """A new user counts ids; those of one-frame false alarms are none of them."""
    for t in range(3):
        boxes = [_box(0, 0)] if t != 1 else [_box(0, 0), _box(500, 0)]
        everything = tracker.tracks(tentative=True)
        confirmed = tracker.update(_frame(t / 10, boxes))
        assert _ids(confirmed) == _ids(tracker.tracks()) == ([] if t < 2 else [1])
        assert len(tracker.tracks(tentative=True)) == len(boxes)
        assert all(track.state is TrackState.TENTATIVE for track in everything)
    assert [
        track.row for track in tracker.update(_frame(0.3, [_box(500, 0), _box(0, 0)]))
    ] == [1]


def test_a_reported_box_lies_nearer_to_a_detection_the_further_off_that_is() -> None:
    shares = []
    for step in (4.0, 24.0):
        tracker = MAKERS["sort"]()
        for t in range(10):
            tracker.update(_frame(t / 10, [_box(0, 0)]))
        (track,) = tracker.update(_frame(1.0, [_box(step, 0)]))
        shares.append(track.box[0] / step)
    assert 0.7 < shares[0] < shares[1] < 1
