"""A redetection tracker on scenes whose truth is exact: which objects, when, by which id."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.scenes import drawn_scene, mask_iou
from vseg.build import load_model
from vseg.config import RedetectionSettings
from vseg.frame_masks import FrameMasks
from vseg.interfaces.grounder import FrameFeatures
from vseg.interfaces.model import Model
from vseg.pipelines.detect import NOTHING
from vseg.pipelines.detection_overlaps import Overlaps, is_duplicate
from vseg.pipelines.queries import DetectFunction, Query
from vseg.pipelines.redetection_driver import RedetectionTracker
from vseg.pipelines.tracked_instances import (
    TrackedInstance,
    packed_instance,
    unpacked_instance,
)
from vseg.session.session import Session
from vseg.synthetic import Occluder, SceneConfig, SyntheticVideo, Trajectory
from vseg.types import Detections, Frame, Grounding, MaskCrop, Timecode, TrackEvent

pytestmark = pytest.mark.integration

EVERY = 10
ENTERS = 30


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("nano", short_side=160)


def staged(trajectories: list[Trajectory], num_frames: int, **more: Any) -> SyntheticVideo:
    plain = SceneConfig(
        160, 284, num_frames, occluders=0, camera_motion=0.0, size=0.6, seed=21
    )
    return drawn_scene(
        replace(plain, num_objects=len(trajectories), trajectories=tuple(trajectories), **more)
    )


class Truth:
    """Finds every object that shows enough of itself, as a box or as a mask; notes the
    frames that it detected on.
    """

    def __init__(
        self, scene: SyntheticVideo, *, masks: bool = False, skip: set[int] | None = None
    ):
        self.scene, self.masks, self.skip = scene, masks, skip or set()
        self.detected_on: list[int] = []

    def __call__(
        self, frame: Frame, features: FrameFeatures, adjacent: Frame | None
    ) -> Grounding:
        self.detected_on.append(frame.index)
        labels = self.scene.draw(frame.index).labels
        crops = [MaskCrop.of(labels == i) for i in range(1, int(labels.max(initial=0)) + 1)]
        crops = [c for i, c in enumerate(crops, 1) if c.area > 70 and i not in self.skip]
        corners = [crop.xyxy for crop in crops]
        found = Detections(
            np.array(corners, dtype=np.float64).reshape(-1, 4),
            np.full(len(crops), 0.9),
            np.zeros(len(crops), dtype=np.int64),
            tuple(crops) if self.masks else None,
        )
        return Grounding(found, np.array([0.9 if crops else 0.1]), ("thing",) * len(crops))


def with_false_alarm(truth: Truth, seen_on: int) -> DetectFunction:
    """What is there, and on one frame something that is not."""

    def detect(frame: Frame, features: FrameFeatures, adjacent: Frame | None) -> Grounding:
        grounding = truth(frame, features, adjacent)
        if frame.index != seen_on:
            return grounding
        boxes = np.concatenate([grounding.found.boxes, [[200.0, 100, 240, 133]]])
        found = Detections(
            boxes, np.full(len(boxes), 0.9), np.zeros(len(boxes), dtype=np.int64)
        )
        return Grounding(found, grounding.best, (*grounding.names, "false alarm"))

    return detect


def iou(masks: FrameMasks, object_id: int, truth: np.ndarray) -> float:
    return mask_iou(masks.get(object_id, np.zeros_like(truth)), truth)


def test_who_enters_late_is_found_within_two_detections_and_keeps_its_id(model: Model) -> None:
    scene = staged(
        [
            Trajectory(((0, 0.25, 0.35), (100, 0.4, 0.35))),
            Trajectory(((ENTERS - 5, 1.2, 0.7), (ENTERS + 15, 0.8, 0.7), (80, 0.6, 0.7))),
        ],
        65,
    )
    truth = Truth(scene)
    first_seen: int | None = None
    with Session(model) as session:
        tracker = RedetectionTracker(session, truth, RedetectionSettings(detect_every=EVERY))
        for frame in scene:
            masks = tracker.step(frame)
            labels = scene.draw(frame.index).labels
            assert masks.object_ids in ((1,), (1, 2))
            if 2 in masks.object_ids and first_seen is None:
                first_seen = frame.index
            if frame.index > ENTERS + 2 * EVERY:
                assert iou(masks, 2, labels == 2) > 0.5
            assert iou(masks, 1, labels == 1) > 0.5
    assert first_seen is not None and ENTERS <= first_seen <= ENTERS + 2 * EVERY
    kinds = [(e.kind, e.object_id, e.label) for e in tracker.drain() if e.kind == "created"]
    assert kinds == [("created", 1, "thing"), ("created", 2, "thing")]
    assert truth.detected_on[0] == 0
    assert len(truth.detected_on) <= 12


def test_what_only_one_later_detection_has_seen_is_never_shown(model: Model) -> None:
    scene = staged([Trajectory(((0, 0.25, 0.35), (60, 0.4, 0.35)))], 45)
    with Session(model) as session:
        grounder = with_false_alarm(Truth(scene), 2 * EVERY)
        tracker = RedetectionTracker(
            session, grounder, RedetectionSettings(detect_every=EVERY)
        )
        shown = {i for frame in scene for i in tracker.step(frame)}
        assert session.object_ids == (1,)
    assert shown == {1}
    assert [e.kind for e in tracker.drain()] == ["created"]


def test_what_no_detection_can_confirm_any_more_is_dropped_at_the_end(
    model: Model,
) -> None:
    scene = staged([Trajectory(((0, 0.25, 0.35), (60, 0.4, 0.35)))], 25)
    with Session(model) as session:
        grounder = with_false_alarm(Truth(scene), 2 * EVERY)
        tracker = RedetectionTracker(
            session, grounder, RedetectionSettings(detect_every=EVERY), Timecode(frame=22)
        )
        tracked = {}
        for frame in scene:
            tracker.step(frame)
            tracked[frame.index] = session.object_ids
    assert (tracked[21], tracked[22]) == ((1, 2), (1,))
    assert [e.kind for e in tracker.drain()] == ["created"]


def test_a_cut_is_told_though_nothing_is_shown_and_nobody_hears_of_the_unconfirmed(
    model: Model,
) -> None:
    scene = staged([Trajectory(((0, 0.25, 0.35),))], 20)
    frames = list(scene)
    blocks = np.random.default_rng(3).integers(0, 255, (6, 6, 3)).astype(np.uint8)
    strange = np.kron(blocks, np.ones((200, 200, 1), dtype=np.uint8))
    height, width = frames[0].image.shape[:2]
    frames[18:] = [replace(each, image=strange[:height, :width]) for each in frames[18:]]
    truth = Truth(scene)

    def detect(frame: Frame, features: FrameFeatures, adjacent: Frame | None) -> Grounding:
        return truth(frame, features, adjacent) if frame.index == 16 else NOTHING

    told: list[TrackEvent] = []
    with Session(model) as session:
        tracker = RedetectionTracker(session, detect, RedetectionSettings(detect_every=16))
        for frame in frames:
            masks = tracker.step(frame)
            told += masks.events
            assert masks.object_ids == ()
        assert session.object_ids == (1,)
    assert [(e.kind, e.object_id) for e in told] == [("cut", None)]


def test_no_more_objects_than_allowed_and_none_after_the_end(model: Model) -> None:
    trajectories = [Trajectory(((0, x, 0.5),)) for x in (0.15, 0.5, 0.85)]
    scene = staged(trajectories, 24)
    few = Truth(scene, masks=True)
    with Session(model) as session:
        tracker = RedetectionTracker(
            session,
            few,
            RedetectionSettings(detect_every=EVERY, max_objects=2),
            Timecode(frame=15),
        )
        counts = [len(tracker.step(frame)) for frame in scene]
    assert set(counts) == {2}
    assert few.detected_on == [0, 10]
    assert [e.kind for e in tracker.drain()] == [
        "created",
        "created",
        "limit_reached",
        "limit_reached",
    ]


def test_who_was_hidden_comes_back_under_its_id(model: Model) -> None:
    trajectories = [
        Trajectory(((5, 0.15, 0.5), (25, 0.5, 0.5), (45, 0.5, 0.5), (65, 0.85, 0.5))),
        Trajectory(((0, 0.8, 0.2),)),
    ]
    scene = staged(
        trajectories, 80, placed_occluders=(Occluder(0.5, 0.22),), look_alikes=False
    )
    truth = Truth(scene)
    with Session(model) as session:
        tracker = RedetectionTracker(session, truth, RedetectionSettings(detect_every=EVERY))
        seen = [tracker.step(frame) for frame in scene]
    last = seen[-1]
    assert last is not None
    assert last.object_ids == (1, 2)
    assert iou(last, 1, scene.draw(79).labels == 1) > 0.5


def test_what_nothing_matched_is_told_at_the_end(model: Model) -> None:
    scene = staged([Trajectory(((0, 0.25, 0.35), (60, 0.5, 0.35)))], 12)
    queries = (Query("thing", 0.5), Query("zebra", 0.5))
    truth = Truth(scene)

    def detect(frame: Frame, features: FrameFeatures, adjacent: Frame | None) -> Grounding:
        return replace(truth(frame, features, adjacent), best=np.array([0.9, 0.2]))

    with Session(model) as session:
        tracker = RedetectionTracker(
            session, detect, RedetectionSettings(detect_every=EVERY), queries=queries
        )
        assert tracker.finish() == ()
        for frame in scene:
            tracker.step(frame)
    (event,) = tracker.finish()
    assert (event.kind, event.frame, event.label) == ("not_found", 11, "zebra")
    assert (event.score, event.threshold) == (0.2, 0.5)


def test_two_names_of_one_thing_are_one_object_called_by_the_more_frequent(
    model: Model,
) -> None:
    """Boxes, as a grounder of boxes gives them; the second name wins from the third run on."""
    scene = staged([Trajectory(((0, 0.3, 0.4), (60, 0.5, 0.4)))], 41)
    truth = Truth(scene)

    def detect(frame: Frame, features: FrameFeatures, adjacent: Frame | None) -> Grounding:
        one = truth(frame, features, adjacent)
        names = ("cup", "mug") if frame.index == 0 else ("mug",)
        boxes = np.repeat(one.found.boxes, len(names), axis=0)
        labels = np.array([("cup", "mug").index(name) for name in names])
        found = Detections(boxes, np.full(len(names), 0.9), labels)
        return Grounding(found, np.full(2, 0.9), names)

    settings = RedetectionSettings(detect_every=EVERY)
    with Session(model) as session:
        tracker = RedetectionTracker(session, detect, settings)
        assert {tracker.step(frame).object_ids for frame in scene} == {(1,)}
        events = [(e.kind, e.frame, e.label) for e in tracker.drain() if e.label]
    assert events == [("created", 0, "cup"), ("renamed", 2 * EVERY, "mug")]


def test_an_object_stays_where_it_is_expected_though_its_mask_passes_to_another(
    model: Model,
) -> None:
    parked = Trajectory(((0, 0.25, 0.3), (24, 0.25, 0.3)))
    passing = Trajectory(((0, 0.9, 0.75), (24, 0.3, 0.75)))
    scene = staged([parked, passing], 24)
    frames = list(scene)
    detect = Truth(scene, skip={2})
    with Session(model) as session:
        tracker = RedetectionTracker(session, detect, RedetectionSettings(detect_every=EVERY))
        for index in range(2 * EVERY):
            tracker.step(frames[index])
        detect.skip = set()
        taken = scene.draw(2 * EVERY).labels == 2
        known = tracker._instances[1]
        tracker._keep(replace(known, crop=MaskCrop.of(taken)))
        for index in range(2 * EVERY, 24):
            masks = tracker.step(frames[index])
        labels = scene.draw(23).labels
    assert masks.object_ids == (1, 2), "who passes is neither the parked one nor a duplicate"
    assert iou(masks, 1, labels == 1) > 0.7 and iou(masks, 2, labels == 2) > 0.7


class Joining(Truth):
    """Finds all objects as one from a frame on."""

    def __init__(self, scene: SyntheticVideo, since: int, *, masks: bool) -> None:
        super().__init__(scene, masks=masks)
        self.since = since

    def __call__(
        self, frame: Frame, features: FrameFeatures, adjacent: Frame | None
    ) -> Grounding:
        grounding = super().__call__(frame, features, adjacent)
        if frame.index < self.since:
            return grounding
        joined = MaskCrop.of(self.scene.draw(frame.index).labels > 0)
        found = Detections(
            np.array([joined.xyxy], dtype=np.float64),
            np.array([0.9]),
            np.zeros(1, dtype=np.int64),
            (joined,) if self.masks else None,
        )
        return Grounding(found, grounding.best, ("thing",))


@pytest.mark.parametrize("masks", [True, False])
def test_a_detection_of_two_that_meet_leaves_them_two(model: Model, masks: bool) -> None:
    meet = 2 * EVERY
    left = Trajectory(((0, 0.15, 0.5), (meet, 0.35, 0.5), (31, 0.35, 0.5)))
    right = Trajectory(((0, 0.85, 0.5), (meet, 0.65, 0.5), (31, 0.65, 0.5)))
    scene = staged([left, right], 31)
    settings = RedetectionSettings(detect_every=EVERY, max_missed_detections=1)
    with Session(model) as session:
        tracker = RedetectionTracker(session, Joining(scene, meet, masks=masks), settings)
        for frame in scene:
            out = tracker.step(frame)
        labels = scene.draw(30).labels
        kinds = [event.kind for event in tracker.drain()]
    assert kinds == ["created", "created"]
    assert all(iou(out, k, labels == k) > 0.7 for k in (1, 2))


@pytest.mark.parametrize("moves", [True, False])
def test_who_goes_out_is_not_prompted_again(model: Model, moves: bool) -> None:
    scene = staged([Trajectory(((0, 0.4, 0.5), (2 * EVERY, 1.0, 0.5)))], 2 * EVERY + 1)
    *frames, last = scene
    with Session(model) as session:
        detect = Truth(scene)
        tracker = RedetectionTracker(session, detect, RedetectionSettings(detect_every=EVERY))
        for frame in frames:
            tracker.step(frame)
        known = tracker._instances[1]
        whole = MaskCrop.of(scene.draw(last.index).labels == 1)
        strays = MaskCrop(whole.x, whole.y, whole.mask[:, : 2 * whole.mask.shape[1] // 5])
        motion = known.motion if moves else None
        tracker._keep(replace(known, crop=strays, motion=motion))
        tracker.step(last)
    prompted = [event.frame for event in tracker.drain() if event.kind == "reprompted"]
    assert (last.index in prompted) != moves


def found(*boxes: tuple[int, int, int, int]) -> Detections:
    rows = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    return Detections(rows, np.full(len(rows), 0.9), np.zeros(len(rows), dtype=np.int64))


def test_two_bodies_under_one_mask_are_two_objects() -> None:
    frame = Frame(20, pts=20, time_s=0.8, image=np.zeros((60, 100, 3), np.uint8))
    mask = np.zeros((60, 100), dtype=bool)
    mask[10:40, 10:20] = mask[10:40, 60:70] = True
    known = TrackedInstance(1, "", confirmed=True, visible_s=0.0, crop=MaskCrop.of(mask))
    known = known.detected(np.array([80.0, 10, 90, 40]), 0)
    known = known.detected(np.array([71.0, 10, 81, 40]), 10)
    here = found((10, 10, 20, 40), (60, 10, 70, 40), (60, 12, 70, 40))
    overlaps = Overlaps.of(here, [known], frame)
    pairs = overlaps.assigned(["", "", ""], [known])
    assert pairs.rows.tolist() == [1], "where it was going to"
    assert not overlaps.is_certain(1, 0), "nor is another box of it elsewhere"
    assert not is_duplicate(here, 0, overlaps, {0: 1}, [known]), "apart from its detection"
    assert is_duplicate(here, 2, overlaps, {0: 1}, [known])
    two = found((10, 10, 20, 40), (60, 10, 70, 40))
    assert Overlaps.of(two, [known], frame).is_certain(1, 0)


def test_a_detection_of_one_is_not_of_what_lies_in_it() -> None:
    frame = Frame(20, pts=20, time_s=0.8, image=np.zeros((60, 100, 3), np.uint8))

    def seen(object_id: int, x1: int, x2: int) -> TrackedInstance:
        mask = np.zeros((60, 100), dtype=bool)
        mask[10:40, x1:x2] = True
        return TrackedInstance(object_id, "", True, 0.0, crop=MaskCrop.of(mask))

    here = found((10, 10, 50, 40))
    both = [seen(1, 10, 28), seen(2, 30, 50)]
    assert Overlaps.of(here, both, frame).joined.all()
    held = [seen(1, 10, 50), seen(2, 30, 50)]
    assert not Overlaps.of(here, held, frame).joined.any(), "it is of the first"
    expected = [both[0].detected(here.boxes[0], 10), both[1]]
    assert not Overlaps.of(here, expected, frame).joined.any(), "whose mask has shrunk"
    small = [seen(1, 10, 36), seen(2, 44, 50)]
    assert not Overlaps.of(here, small, frame).joined.any(), "the second is a part"


def test_who_is_missed_often_is_not_gone_for_it() -> None:
    always = TrackedInstance(1, "", confirmed=True, visible_s=0.0).hit()
    often = always.miss().miss().hit().miss().hit().miss()
    for _ in range(4):
        always, often = always.miss(), often.miss()
    assert not always.is_gone(5)
    always, often = always.miss(), often.miss()
    assert always.is_gone(5) and not always.is_gone(6)
    assert not often.is_gone(5)
    for _ in range(10):
        often = often.miss()
    assert often.is_gone(5), "not for ever"


def test_votes_are_bounded_and_the_label_is_that_of_most() -> None:
    known = TrackedInstance(1, "cup", confirmed=True, visible_s=0.0)
    for name in ("a", "b", "c", "d", "e", "cup"):
        known = known.with_vote(name)
    assert (known.label, known.votes["cup"], len(known.votes)) == ("cup", 2, 4)
    for _ in range(2):
        known = known.with_vote("e")
    assert known.label == "e"


def test_an_instance_survives_a_snapshot() -> None:
    box = np.array([1.0, 2, 3, 5])
    known = TrackedInstance(1, "cup", confirmed=True, visible_s=0.0, crop=None)
    known = known.detected(box, 4).detected(box + np.array([2, 0, 2, 0]), 8)
    read = unpacked_instance(json.loads(json.dumps(packed_instance(known))))
    assert replace(read, motion=None) == replace(known, motion=None)
    assert read.motion is not None
    np.testing.assert_array_equal(read.motion.expected(10), box + np.array([3, 0, 3, 0]))
