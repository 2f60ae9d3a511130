"""A detection tracker creates, continues, corrects and removes objects as detections say."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.scenes import mask_iou
from vseg.config import DetectionSettings
from vseg.errors import BadVideo
from vseg.frame_masks import FrameMasks
from vseg.interfaces.model import Model
from vseg.pipelines.detection_driver import DetectionSource, DetectionTracker
from vseg.pipelines.track_links import main_component_box
from vseg.session.session import Session
from vseg.synthetic import SceneConfig, SyntheticVideo, Trajectory
from vseg.types import Detections, Frame, MaskCrop

pytestmark = pytest.mark.integration

HW = (120, 200)
CORNER = (150.0, 90.0, 190.0, 115.0)
Detect = Callable[[int, np.ndarray], list[tuple[float, ...]]]


@pytest.fixture(scope="module")
def scene() -> list[tuple[Frame, np.ndarray]]:
    """One object that glides to the right at 25 frames a second."""
    course = Trajectory(((0, 0.25, 0.45), (90, 0.7, 0.45)))
    config = SceneConfig(
        *HW, 90, seed=54, num_objects=1, trajectories=(course,), occluders=0, camera_motion=0.0
    )
    video = SyntheticVideo(config)
    drawn = [video.draw(index) for index in range(90)]
    return [(each.frame, each.labels == 1) for each in drawn]


def box_of(mask: np.ndarray) -> tuple[float, ...]:
    return tuple(map(float, MaskCrop.of(mask).xyxy))


def found(boxes: list[tuple[float, ...]]) -> Detections:
    count = len(boxes)
    return Detections(
        np.array(boxes, dtype=float).reshape(-1, 4), np.full(count, 0.99), np.ones(count, int)
    )


def detector(frames: list[tuple[Frame, np.ndarray]], detect: Detect) -> DetectionSource:
    """What `detect` says of each frame of a scene and of its truth."""
    truth = {frame.index: mask for frame, mask in frames}
    return lambda frame: found(detect(frame.index, truth[frame.index]))


def run(
    model: Model,
    scene: list[tuple[Frame, np.ndarray]],
    detect: Detect,
    settings: DetectionSettings | None = None,
) -> tuple[list[FrameMasks], list[tuple[str, int, int | None]]]:
    """Masks by frame, and what happened as (kind, frame, object)."""
    with Session(model) as session:
        source = detector(scene, detect)
        tracker = DetectionTracker(session, source, settings or DetectionSettings())
        masks = [tracker.step(frame) for frame, _ in scene]
    return masks, [(each.kind, each.frame, each.object_id) for each in tracker.drain()]


def iou(masks: FrameMasks, truth: np.ndarray) -> float:
    return mask_iou(masks[1], truth)


def test_one_detection_is_enough_to_be_carried(
    model: Model, scene: list[tuple[Frame, np.ndarray]]
) -> None:
    masks, events = run(model, scene[:20], lambda t, m: [box_of(m)] if 4 <= t < 6 else [])
    assert events == [("created", 4, 1)]
    assert masks[3].object_ids == () and masks[4].sources == ("prompt",)
    assert iou(masks[19], scene[19][1]) > 0.7, "carried where nothing is detected"


def test_a_false_alarm_is_dropped_and_the_object_stays(
    model: Model, scene: list[tuple[Frame, np.ndarray]]
) -> None:
    masks, events = run(
        model, scene[:50], lambda t, m: [box_of(m), CORNER] if 5 <= t < 8 else [box_of(m)]
    )
    created = events[0]
    false_alarm = events[1]
    assert (created, false_alarm[:2]) == (("created", 0, 1), ("created", 5))
    assert ("removed", false_alarm[2]) in {(kind, object_id) for kind, _, object_id in events}
    assert masks[49].object_ids == (1,)


def test_a_new_track_on_the_same_object_continues_it(
    model: Model, scene: list[tuple[Frame, np.ndarray]]
) -> None:
    patient = DetectionSettings(undetected_s=5.0)
    masks, events = run(
        model, scene[:50], lambda t, m: [] if 10 <= t < 40 else [box_of(m)], patient
    )
    assert ("relinked", 40, 1) in events
    assert all(each.object_ids == (1,) for each in masks)


@pytest.mark.parametrize("fps", [0.2, 25, 120])
@pytest.mark.parametrize("every", [2, 6])
def test_a_frame_without_a_run_is_no_miss(
    model: Model, scene: list[tuple[Frame, np.ndarray]], every: int, fps: float
) -> None:
    """An object detected on every n-th frame keeps its id and its mask at any frame rate, and
    is removed once runs miss it.
    """
    frames = [(replace(frame, time_s=frame.index / fps), mask) for frame, mask in scene[:31]]
    truth = {frame.index: mask for frame, mask in frames}
    last = 12

    def detect(frame: Frame) -> Detections | None:
        if frame.index % every:
            return None
        boxes = [box_of(truth[frame.index])] if frame.index <= last else []
        return replace(found(boxes), scores=np.full(len(boxes), 0.9))

    patience = DetectionSettings(undetected_s=2 / fps)
    with Session(model) as session:
        tracker = DetectionTracker(session, detect, patience, float(every))
        masks = [tracker.step(frame) for frame, _ in frames]
    happened = [(e.kind, e.frame, e.object_id) for e in tracker.drain()]
    end = last + 3 * every
    assert happened[0] == ("created", 0, 1) and happened[-1] == ("removed", end, 1)
    assert all(each.object_ids == (1,) for each in masks[:end])
    assert iou(masks[last], truth[last]) > 0.7


def test_a_false_alarm_of_a_sparse_detector_is_not_returned(
    model: Model, scene: list[tuple[Frame, np.ndarray]]
) -> None:
    def detect(frame: Frame) -> Detections | None:
        if frame.index % 5:
            return None
        boxes = [box_of(scene[frame.index][1])] + [CORNER] * (frame.index == 5)
        return replace(found(boxes), scores=np.full(len(boxes), 0.9))

    with Session(model) as session:
        tracker = DetectionTracker(session, detect, DetectionSettings(), 5.0)
        masks = [tracker.step(frame) for frame, _ in scene[:12]]
        assert session.object_ids == (1,)
    assert all(each.object_ids == (1,) for each in masks)
    assert {event.object_id for event in tracker.drain()} == {1}


def test_a_sparse_tracker_goes_on_from_a_snapshot_between_two_runs(
    model: Model, scene: list[tuple[Frame, np.ndarray]]
) -> None:
    """With an object that is not returned yet."""

    def detect(frame: Frame) -> Detections | None:
        if frame.index % 4:
            return None
        boxes = [box_of(scene[frame.index][1])] + [CORNER] * (frame.index in (4, 8))
        return replace(found(boxes), scores=np.full(len(boxes), 0.9))

    def tracker(session: Session) -> DetectionTracker:
        return DetectionTracker(session, detect, DetectionSettings(), 4.0)

    with Session(model) as session, Session(model) as other:
        first = tracker(session)
        for frame, _ in scene[:7]:
            assert first.step(frame).object_ids == (1,)
        second = tracker(other)
        second.restore(first.snapshot())
        first.drain()
        for frame, _ in scene[7:12]:
            one = first.step(frame)
            another = second.step(frame)
            assert one.object_ids == another.object_ids
            assert all(np.array_equal(one[i], another[i]) for i in one)
        assert one.object_ids == (1, 2)
        assert first.drain() == second.drain() != ()


def test_an_object_whose_track_is_detected_lives_wherever_its_mask_is(
    model: Model, scene: list[tuple[Frame, np.ndarray]]
) -> None:
    """The detections leave the object that the mask shows."""
    x1, y1, x2, y2 = box_of(scene[0][1])

    def detect(index: int, mask: np.ndarray) -> list[tuple[float, ...]]:
        return [(x1, y1 - 4.0 * index, x2, y2 - 4.0 * index)]

    hasty = DetectionSettings(undetected_s=0.1, every=1000)
    masks, events = run(model, scene[:20], detect, hasty)
    assert [kind for kind, _, _ in events if kind in ("created", "removed")] == ["created"]
    assert masks[19].object_ids == (1,)


@pytest.mark.parametrize("classes", [(1,), (2,), (1, 2)])
def test_a_class_that_flickers_makes_no_second_object(
    model: Model, scene: list[tuple[Frame, np.ndarray]], classes: tuple[int, ...]
) -> None:
    """The class changes after some frames, or the object is detected as two at once."""
    truth = {frame.index: mask for frame, mask in scene}

    def detect(frame: Frame) -> Detections:
        labels = (1,) if frame.index % 7 < 4 else classes
        x1, y1, x2, y2 = box_of(truth[frame.index])
        boxes: list[tuple[float, ...]] = [
            (x1, y1 + place, x2, y2) for place in range(len(labels))
        ]
        return replace(found(boxes), labels=np.array(labels))

    with Session(model) as session:
        tracker = DetectionTracker(session, detect, DetectionSettings())
        masks = [tracker.step(frame) for frame, _ in scene[:20]]
    assert [e.object_id for e in tracker.drain() if e.kind == "created"] == [1]
    assert all(each.object_ids == (1,) for each in masks)


def test_a_mask_that_its_detections_do_not_agree_with_is_prompted_again(
    model: Model, scene: list[tuple[Frame, np.ndarray]]
) -> None:
    """The first box held only a part of the object."""

    def detect(index: int, mask: np.ndarray) -> list[tuple[float, ...]]:
        x1, y1, x2, y2 = box_of(mask)
        return [(x1, y1, (x1 + x2) / 2, y2)] if index < 3 else [(x1, y1, x2, y2)]

    strict = DetectionSettings(reprompt_iou=0.95, every=6)
    masks, events = run(model, scene[:30], detect, strict)
    again = [frame for kind, frame, _ in events if kind == "reprompted"]
    assert again and again[0] >= 6 and min(np.diff([0, *again])) >= 6
    assert iou(masks[29], scene[29][1]) > 0.8


def test_what_is_remembered_of_prompts_does_not_grow(
    model: Model, scene: list[tuple[Frame, np.ndarray]]
) -> None:
    with Session(model) as session:
        source = detector(scene, lambda t, m: [box_of(m)])
        tracker = DetectionTracker(
            session, source, DetectionSettings(reprompt_iou=1.0, every=2)
        )
        for frame, _ in scene[:30]:
            tracker.step(frame)
        assert sum(event.kind == "reprompted" for event in tracker.drain()) > 5
        assert len(session.prompted_frames(1)) == 2


def test_specks_do_not_widen_the_box_of_a_mask() -> None:
    mask = np.zeros((60, 80), dtype=bool)
    mask[10:20, 10:14] = mask[10:20, 18:30] = True  # in two parts, as behind a post
    mask[50:52, 70:72] = True
    assert main_component_box(MaskCrop.of(mask)) == (10, 10, 30, 20)
    assert main_component_box(MaskCrop.of(np.zeros((4, 4), dtype=bool))) is None


def test_time_that_goes_back_is_refused(
    model: Model, scene: list[tuple[Frame, np.ndarray]]
) -> None:
    with Session(model) as session:
        source = detector(scene, lambda t, m: [box_of(m)])
        tracker = DetectionTracker(session, source, DetectionSettings())
        tracker.step(scene[3][0])
        with pytest.raises(BadVideo, match="does not come after"):
            tracker.step(scene[2][0])
