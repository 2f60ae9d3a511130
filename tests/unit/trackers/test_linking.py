"""Offline association: joining, filling, smoothing, extending, dropping; and its errors."""

import numpy as np
import pytest
from jaxtyping import Float

from vseg_trackers import (
    Detections,
    Dropped,
    Extended,
    Filled,
    Joined,
    LinkConfig,
    MaskletAssociator,
    TrackerError,
    Tracklet,
    link,
    track_clip,
    tracklets_of,
)
from vseg_trackers.kalman import MotionConfig
from vseg_trackers.smoothing import smooth

TIMES_S = np.arange(100) / 25


def _path(frames: Float[np.ndarray, " F"] | range, y: float = 0.0) -> Float[np.ndarray, "F 4"]:
    x = 3.0 * np.asarray(frames, dtype=float)
    return np.stack([x, np.full_like(x, y), x + 40, np.full_like(x, y + 40)], axis=1)


def _part(
    track_id: int,
    frames: range,
    y: float = 0.0,
    look: list[float] | None = None,
    label: int = 0,
) -> Tracklet:
    embeddings = None if look is None else np.array([look])
    scores = np.full(len(frames), 0.95)
    return Tracklet(track_id, TIMES_S[frames], _path(frames, y), scores, label, embeddings)


def test_parts_of_one_motion_become_one_track_with_its_gap_filled() -> None:
    parts = [_part(7, range(20, 40)), _part(2, range(45, 70)), _part(3, range(20, 70), y=200)]
    linked = link(parts, TIMES_S)
    assert [track.track_id for track in linked.tracks] == [3, 7]
    whole = linked.tracks[1]
    np.testing.assert_array_equal(whole.times_s, TIMES_S[20:70])
    assert whole.sources.tolist() == [7] * 20 + [0] * 5 + [2] * 25
    np.testing.assert_allclose(whole.boxes, _path(range(20, 70)), atol=1)
    joined, filled = linked.changes
    assert isinstance(joined, Joined)
    assert isinstance(filled, Filled)
    assert (joined.track_id, joined.joined_id) == (7, 2)
    assert (joined.at_s, joined.gap_s) == pytest.approx((45 / 25, 6 / 25))
    assert (filled.track_id, filled.num_frames) == (7, 5)
    assert (filled.from_s, filled.to_s) == pytest.approx((40 / 25, 44 / 25))


def test_a_long_gap_is_joined_but_not_filled() -> None:
    linked = link([_part(1, range(0, 30)), _part(2, range(60, 99))], TIMES_S)
    (track,) = linked.tracks
    assert set(track.sources.tolist()) == {1, 2}
    assert len(track.times_s) == 30 + 39
    assert [type(change) for change in linked.changes] == [Joined]


def test_what_overlaps_in_time_is_never_one_track() -> None:
    parts = [_part(1, range(0, 30)), _part(2, range(29, 60)), _part(3, range(62, 90))]
    tracks = link(parts, TIMES_S).tracks
    assert len(tracks) == 2
    assert tracks[0].sources.tolist() == [1] * 30 or 2 in tracks[1].sources
    for track in tracks:
        assert (np.diff(track.times_s) > 0).all()


def test_class_distance_and_looks_keep_parts_apart() -> None:
    first = _part(1, range(0, 30), look=[1.0, 0.0])
    for other in (
        _part(2, range(50, 75), label=4),
        _part(2, range(35, 60), y=150.0),
        _part(2, range(35, 60), look=[0.0, 1.0]),
    ):
        assert len(link([first, other], TIMES_S).tracks) == 2
    assert len(link([first, _part(2, range(35, 60), look=[1.0, 0.1])], TIMES_S).tracks) == 1


def test_a_class_that_changes_in_a_short_gap_is_of_one_object() -> None:
    parts = [_part(1, range(0, 30)), _part(2, range(32, 80), label=4)]
    (track,) = link(parts, TIMES_S).tracks
    assert (track.track_id, track.label) == (1, 4), "the class of most detections"


def test_looks_settle_what_motion_leaves_open() -> None:
    """Two tracks go behind one thing side by side and come out exchanged."""
    red = [1.0, 0.0]
    blue = [0.0, 1.0]
    parts = [
        _part(1, range(0, 30), 0.0, red),
        _part(2, range(0, 30), 20.0, blue),
        _part(3, range(40, 70), 0.0, blue),
        _part(4, range(40, 70), 20.0, red),
    ]
    tracks = link(parts, TIMES_S).tracks
    assert [sorted(set(track.sources.tolist()) - {0}) for track in tracks] == [[1, 4], [2, 3]]


def test_smoothing_beats_the_filter_and_the_detections() -> None:
    rng = np.random.default_rng(0)
    x = 100 + 60 * np.sin(np.arange(100) / 15)
    true = np.stack([x, x / 2, x + 50, x / 2 + 80], axis=1)
    seen = rng.random(100) > 0.2
    seen[0] = True
    noisy = true + rng.normal(0, 4, true.shape)
    found = smooth(TIMES_S, noisy, seen, MotionConfig()).boxes
    error = np.abs(found - true)
    assert error[seen].mean() < 0.8 * np.abs(noisy - true)[seen].mean()
    assert error[~seen].mean() < 4
    again = smooth(TIMES_S, np.where(seen[:, None], noisy, 1e6), seen, MotionConfig()).boxes
    np.testing.assert_array_equal(found, again)  # unseen boxes are not looked at


def test_smoothing_is_the_least_squares_answer() -> None:
    """Against the whole problem solved at once: prior, motion and measurements as one
    system.
    """
    config = MotionConfig()
    times_s = np.array([0.0, 0.1, 0.25, 0.3])
    boxes = np.array([[x - 20, 30, x + 20, 70] for x in (100.0, 103, 111, 109)])
    seen = np.array([True, True, False, True])
    scale = 40.0**2
    rows = []
    values = []

    def _say(columns: list[tuple[int, float]], value: float, variance: float) -> None:
        row = np.zeros(8)
        for column, weight in columns:
            row[column] = weight
        rows.append(row / np.sqrt(variance))
        values.append(value / np.sqrt(variance))

    _say([(0, 1.0)], 100.0, config.measured**2 * scale)
    _say([(1, 1.0)], 0.0, config.speed**2 * scale)
    for frame, dt_s in enumerate(np.diff(times_s)):
        power = config.jolt**2 * scale
        noise = power * np.array([[dt_s**3 / 3, dt_s**2 / 2], [dt_s**2 / 2, dt_s]])
        root = np.linalg.inv(np.linalg.cholesky(noise))
        step = np.zeros((2, 8))
        step[:, 2 * frame + 2 : 2 * frame + 4] = np.eye(2)
        step[:, 2 * frame : 2 * frame + 2] = -np.array([[1, dt_s], [0, 1]])
        rows += list(root @ step)
        values += [0.0, 0.0]
        if seen[frame + 1]:
            centre = float(boxes[frame + 1, [0, 2]].mean())
            _say([(2 * frame + 2, 1.0)], centre, config.measured**2 * scale)
    expected = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0]
    found = smooth(times_s, boxes, seen, config).planes
    np.testing.assert_allclose(found[0, :, 0], expected[::2], rtol=1e-6)
    np.testing.assert_allclose(found[1, :, 0], expected[1::2], rtol=1e-4, atol=1e-4)


def _clip() -> list[Detections]:
    """One object, faint at first, unseen for a while; one false alarm of three frames."""
    frames = []
    for frame, time_s in enumerate(TIMES_S.tolist()):
        boxes = []
        scores = []
        if frame >= 10 and not 50 <= frame < 58:
            boxes.append(_path(range(frame, frame + 1))[0])
            scores.append(0.5 if frame < 20 else 0.97)
        if 70 <= frame < 73:
            boxes.append(np.array([600.0, 300, 640, 340]))
            scores.append(0.99)
        array = np.array(boxes, dtype=float).reshape(-1, 4)
        frames.append(Detections(time_s, array, np.array(scores, dtype=float)))
    return frames


def test_a_clip_is_tracked_with_its_future() -> None:
    linked = track_clip(_clip())
    (track,) = linked.tracks
    np.testing.assert_array_equal(track.times_s, TIMES_S[10:])
    np.testing.assert_allclose(track.boxes, _path(range(10, 100)), atol=2)
    by_type = {type(change): change for change in linked.changes}
    assert set(by_type) == {Dropped, Extended, Filled}
    dropped = by_type[Dropped]
    longer = by_type[Extended]
    assert isinstance(dropped, Dropped)
    assert isinstance(longer, Extended)
    assert (dropped.num_frames, dropped.from_s) == (3, TIMES_S[70])
    assert (longer.num_frames, longer.from_s) == (10, TIMES_S[10])


def test_tracklets_are_what_the_tracker_was_given() -> None:
    tracker = MaskletAssociator()
    frames = _clip()
    parts = tracklets_of((frame, tracker.update(frame, tentative=True)) for frame in frames)
    assert [len(part) for part in parts] == [72, 3]
    np.testing.assert_allclose(parts[0].boxes[0], _path(range(20, 21))[0])
    assert parts[0].embeddings is None


def test_nothing_gives_nothing() -> None:
    assert link([], TIMES_S).tracks == ()
    assert track_clip([]).tracks == ()
    assert track_clip([Detections(0.0, np.zeros((0, 4)), np.zeros(0))]).changes == ()


def test_what_cannot_be_linked_is_refused_by_name() -> None:
    one = _part(1, range(0, 5))
    with pytest.raises(TrackerError, match="two tracklets have the id 1"):
        link([one, _part(1, range(8, 9))], TIMES_S)
    with pytest.raises(
        TrackerError, match=r"tracklet 1 is at 0\.16 s, when the clip has no frame"
    ):
        link([one], TIMES_S[:4])
    with pytest.raises(TrackerError, match="the clip's times do not grow"):
        link([one], TIMES_S[::-1])
    with pytest.raises(TrackerError, match="embeddings of 2 and 3 numbers"):
        looks = [_part(1, range(3), look=[1.0, 0]), _part(2, range(3), look=[1.0, 0, 0])]
        link(looks, TIMES_S, LinkConfig())
    boxes = _path(range(2))
    scores = np.full(2, 0.9)
    with pytest.raises(TrackerError, match="tracklet 5 row 1: time_s 1 does not come after 2"):
        Tracklet(5, np.array([2.0, 1.0]), boxes, scores)
    with pytest.raises(TrackerError, match="tracklet 5: 0 times, 0 boxes, 0 scores"):
        Tracklet(5, np.zeros(0), np.zeros((0, 4)), np.zeros(0))
    with pytest.raises(TrackerError, match=r"tracklet 5: row 0: score 1\.5 is outside"):
        Tracklet(5, np.array([1.0, 2.0]), boxes, scores + 0.6)
    with pytest.raises(TrackerError, match="tracklet 0: ids are positive"):
        Tracklet(0, np.array([1.0, 2.0]), boxes, scores)
