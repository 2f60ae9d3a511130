"""Camera motion: measured on images that are panned, and used by every tracker."""

import sys
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from jaxtyping import Float, UInt8

from vseg_trackers import (
    ByteTrack,
    CameraMotion,
    Detections,
    LifecycleConfig,
    MaskletAssociator,
    MaskletConfig,
    OCSort,
    Sort,
    SortConfig,
    TrackerError,
)
from vseg_trackers.kalman import BoxMotion, MotionConfig, moved_boxes

WORLD_PX = 900


def _world() -> UInt8[np.ndarray, "900 900 3"]:
    rng = np.random.default_rng(0)
    layers = [
        cv2.resize(
            rng.integers(0, 120, (cells, cells, 3), dtype=np.uint8), (WORLD_PX, WORLD_PX)
        )
        for cells in (12, 90)
    ]
    return np.asarray(layers[0] + layers[1])


def _pan(frame: int) -> tuple[int, int]:
    """Where the 320 x 240 window lies: it jerks to and fro, so no constant velocity explains
    it.
    """
    return 300 + (25 if frame % 2 else -25), 300 + 6 * (frame % 3)


def test_a_pan_is_measured() -> None:
    world = _world()
    camera = CameraMotion()
    for frame in range(6):
        x, y = _pan(frame)
        moved = camera.update(world[y : y + 240, x : x + 320])
        if frame:
            before_x, before_y = _pan(frame - 1)
            np.testing.assert_allclose(moved[:, :2], np.eye(2), atol=0.01)
            np.testing.assert_allclose(moved[:, 2], (before_x - x, before_y - y), atol=1.0)
        else:
            np.testing.assert_array_equal(moved, np.eye(2, 3))


def test_a_turn_and_a_scale_are_measured_in_full_pixels() -> None:
    world = _world()
    camera = CameraMotion()
    true = np.array(cv2.getRotationMatrix2D((450.0, 450.0), 3.0, 1.05))
    camera.update(world)
    moved = camera.update(cv2.warpAffine(world, true, (WORLD_PX, WORLD_PX)))
    corners = np.array([[200.0, 200], [700, 250], [400, 650]])
    found = corners @ moved[:, :2].T + moved[:, 2]
    np.testing.assert_allclose(found, corners @ true[:, :2].T + true[:, 2], atol=1.5)


def test_objects_do_not_count_as_scene() -> None:
    """A textured thing that fills most of the image moves over a scene that stands still."""
    rng = np.random.default_rng(1)
    camera = CameraMotion()
    world = _world()[:240, :320].copy()
    thing = cv2.resize(rng.integers(0, 255, (20, 22, 3), dtype=np.uint8), (220, 200))
    frames = []
    for x in (20, 26):
        image = world.copy()
        image[20:220, x : x + 220] = thing
        frames.append(image)
    box = np.array([[14.0, 14, 252, 226]])
    camera.update(frames[0])
    np.testing.assert_allclose(camera.update(frames[1], box), np.eye(2, 3), atol=0.2)
    camera.reset()
    camera.update(frames[0])
    assert camera.update(frames[1])[0, 2] > 4


def test_a_blank_image_has_no_motion_and_sizes_must_stay() -> None:
    camera = CameraMotion()
    for _ in range(2):
        moved = camera.update(np.zeros((60, 80), dtype=np.uint8))
        np.testing.assert_array_equal(moved, np.eye(2, 3))
    with pytest.raises(
        TrackerError, match="a frame of 90 x 60 pixels after one of another size"
    ):
        camera.update(np.zeros((60, 90), dtype=np.uint8))


def test_without_opencv_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(TrackerError, match="pip install opencv-python"):
        CameraMotion()


LIFE = LifecycleConfig(confirm_hits=1)
Tracker = Sort | ByteTrack | OCSort | MaskletAssociator
MAKERS: tuple[Callable[[], Tracker], ...] = (Sort, ByteTrack, OCSort, MaskletAssociator)


def _ids_under_a_jerking_camera(tracker: Tracker, known: bool) -> set[int]:
    world = _world()
    camera = CameraMotion()
    ids: set[int] = set()
    for frame in range(12):
        x, y = _pan(frame)
        moved = camera.update(world[y : y + 240, x : x + 320])
        at: Float[np.ndarray, "1 4"] = np.array([[450.0 - x, 420 - y, 480 - x, 450 - y]])
        tracks = tracker.update(
            Detections(frame / 10, at, np.array([0.97]), camera=moved if known else None),
            tentative=True,
        )
        ids |= {track.track_id for track in tracks}
    return ids


@pytest.mark.parametrize("make", MAKERS)
def test_identities_hold_under_a_jerking_camera(make: Callable[[], Tracker]) -> None:
    assert _ids_under_a_jerking_camera(make(), known=True) == {1}
    assert len(_ids_under_a_jerking_camera(make(), known=False)) > 3


def test_where_a_track_was_last_seen_moves_with_the_image() -> None:
    moved = np.array([[1.0, 0, 80], [0, 1, 0]])
    for tracker in (
        MaskletAssociator(MaskletConfig(life=LIFE, gate=9.0)),
        Sort(SortConfig(life=LIFE, gate=9.0)),
    ):
        for t in range(3):
            box = np.array([[80.0 * t, 0, 80 * t + 30, 30]])
            seen = Detections(t / 10, box, np.array([0.97]), camera=moved)
            ids = [track.track_id for track in tracker.update(seen, tentative=True)]
        assert ids == ([1] if isinstance(tracker, MaskletAssociator) else [3])


def test_motion_and_boxes_follow_alike() -> None:
    motion = BoxMotion(MotionConfig())
    box = np.array([[10.0, 20, 50, 100]])
    motion.add(box)
    motion.planes[1, 0, :2] = (10, 0)
    turn = np.array([[0.0, -2.0, 5.0], [2.0, 0.0, 7.0]])  # a quarter turn, twice the size
    motion.follow(turn)
    np.testing.assert_allclose(motion.boxes, moved_boxes(box, turn))
    np.testing.assert_allclose(motion.boxes, [[-155.0, -13.0, -75.0, 147.0]])
    np.testing.assert_allclose(motion.velocity, [[0, 20]])
