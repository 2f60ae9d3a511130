"""What a redetection tracker knows of an object, and how its detections overlap them.

Enters: detections of one frame and the objects with their latest masks.  Leaves: overlaps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float64

from vseg.ops.boxes import areas, box_iou
from vseg.ops.codec import decode_mask, encode_mask
from vseg.ops.masks import crop_overlap
from vseg.pipelines.track_links import OTHER_CLASS_DUPLICATE_IOU, box_within, overlap_of
from vseg.session.identity.constant_velocity import ConstantVelocity, MovingBox
from vseg.types import Detections, Frame, Mask, MaskCrop, VisualPrompt
from vseg_trackers.assignment import Assignment, Candidates, assign
from vseg_trackers.lifecycle import CLASSES_COUNTED

MATCH_IOU = 0.3
"""From this IoU with an object's mask on, a detection may be of it.  A round value; not tuned.
"""
SAME_LABEL_BONUS = 0.1
"""What an equal label is worth, in IoU, where a detection overlaps several objects.  A round
value; not tuned.
"""
EXPECTED_IOU = 0.7
EXPECTED_WEIGHT = 1.5
"""From this IoU with the box where an object is expected, by its detections so far, on, a
detection may be of it whatever its mask is on, and such an IoU says more than one with its
mask: masks pass to who comes near, objects do not.  Round values; not tuned.
"""
BODY_SHARE = 0.25
"""A part with this share of a mask may be a body of its own: a mask on two bodies has a box
that is like neither.  Of a detection, an object that lies in it.  A round value; not tuned.
"""
GONE_CHANCE = 0.005
"""Who is visible is missed so many times in a row at most with this chance: 5 times where each
run so far has found it.  A round value; not tuned.
"""
DUPLICATE_IOU = 0.5
DUPLICATE_SHARE = 0.8
"""From this IoU, or this share of its own mask, on, a detection that matched nothing is one
more of a tracked object.  Round values; not tuned.
"""

Overlap = Float64[np.ndarray, "N M"]
Marks = Bool[np.ndarray, "N M"]


@dataclass(frozen=True, slots=True)
class TrackedInstance:
    """One object.

    label: what it was detected as most often, empty if it has no name; votes: how often as
    what, of a few names.  confirmed: it was detected twice,
    or on the first frame of all.  visible_s: when it was last visible.  prompted_frame: of its
    last prompt, -1 before the first.  crop: its latest mask, None where that was empty.
    hits: runs of the detector that found it; misses: that did not find it where its mask is,
    missed: the last of them in a row.  motion: of its detections, in pixels.
    """

    object_id: int
    label: str
    confirmed: bool
    visible_s: float
    prompted_frame: int = -1
    crop: MaskCrop | None = None
    hits: int = 1
    misses: int = 0
    missed: int = 0
    votes: dict[str, int] = field(default_factory=dict)
    motion: ConstantVelocity | None = None

    def detected(self, box: MovingBox, frame_index: int) -> "TrackedInstance":
        """The object after one more detection."""
        return replace(self, motion=ConstantVelocity.after(self.motion, box, frame_index))

    def hit(self) -> "TrackedInstance":
        """The object found once more, by which it is confirmed."""
        return replace(self, confirmed=True, hits=self.hits + 1, missed=0)

    def miss(self) -> "TrackedInstance":
        """The object not found once more."""
        return replace(self, misses=self.misses + 1, missed=self.missed + 1)

    def is_gone(self, most: int) -> bool:
        """Whether `most` misses in a row or more say that it is not where its mask is.

        Its own detections say how often it is found where it is: who is often missed is not
        gone for being missed again.  The rate is the mean of a beta distribution, uniform
        before the first run (Laplace's rule of succession).
        """
        runs = self.hits + self.misses - self.missed
        missing = 1 - (self.hits + 1) / (runs + 2)
        return self.missed >= most and missing**self.missed < GONE_CHANCE

    def is_leaving(self, frame: Frame) -> bool:
        """Whether some of it should be out of the frame by now."""
        height, width = frame.image.shape[:2]
        if self.motion is None:
            return False
        return self.motion.outside(frame.index, (height, width))[1] > 0

    def with_vote(self, label: str) -> "TrackedInstance":
        """The object after one more detection as `label`; its own label stays until another
        has more votes.  Of more names than are counted, the rarest is forgotten.
        """
        votes = {self.label: 1, **self.votes}
        if label not in votes and len(votes) == CLASSES_COUNTED:
            others = [name for name in votes if name != self.label]
            del votes[min(others, key=lambda name: votes[name])]
        votes[label] = votes.get(label, 0) + 1
        leads = votes[label] > votes[self.label]
        return replace(self, label=label if leads else self.label, votes=votes)


@dataclass(frozen=True, slots=True)
class Overlaps:
    """IoU of the detections of a frame (rows) and visible objects (columns).

    mask: with the mask; part: with that or, if more, a part of it; expected: with the box
    where the object is expected.  joined: the objects of a detection of several, as of people
    who embrace; it says nothing of any of them but that they are there.
    """

    mask: Overlap
    part: Overlap
    expected: Overlap
    joined: Marks

    @classmethod
    def of(
        cls, detections: Detections, objects: Sequence[TrackedInstance], frame: Frame
    ) -> "Overlaps":
        """On one frame."""
        height, width = frame.image.shape[:2]
        ends = (width, height, width, height)
        boxes = [
            np.zeros(4) if o.motion is None else o.motion.expected(frame.index).clip(0, ends)
            for o in objects
        ]
        expected = box_iou(detections.boxes, np.array(boxes).reshape(-1, 4))
        mask = overlap_matrix(detections, objects)
        part = np.maximum(mask, part_overlaps(detections, objects))
        joined = joined_objects(detections, objects, mask)
        joined[np.maximum(mask, expected).max(axis=1, initial=0.0) >= EXPECTED_IOU] = False
        return cls(mask, part, expected, joined)

    def assigned(
        self, labels: Sequence[str], objects: Sequence[TrackedInstance]
    ) -> Assignment:
        """Detections and objects matched one to one; labels: of the detections."""
        equal = [[known.label == label for known in objects] for label in labels]
        bonus = SAME_LABEL_BONUS * np.array(equal, dtype=bool).reshape(self.part.shape)
        scores = self.part + EXPECTED_WEIGHT * self.expected + bonus
        may_be = (self.part >= MATCH_IOU) | (self.expected >= EXPECTED_IOU)
        may_be &= ~self.joined.any(axis=1, keepdims=True)
        rows, columns = np.nonzero(may_be)
        return assign(Candidates(rows, columns, scores[rows, columns]))

    def is_certain(self, row: int, column: int) -> bool:
        """Whether a detection that may be of an object is the only one that may, or nearest to
        where the object is expected.
        """
        others = np.arange(len(self.part)) != row
        if self.part[others, column].max(initial=0.0) < MATCH_IOU:
            return True
        nearest = self.expected[others, column].max(initial=0.0)
        return bool(self.expected[row, column] >= MATCH_IOU + nearest)


def overlap_matrix(detections: Detections, objects: Sequence[TrackedInstance]) -> Overlap:
    """IoU of every detection with every visible object: of masks where there are some, else of
    boxes.
    """
    crops = [known.crop for known in objects if known.crop is not None]
    boxes = np.array([crop.xyxy for crop in crops], dtype=np.float64).reshape(-1, 4)
    iou = box_iou(detections.boxes, boxes)
    if detections.masks is None:
        return iou
    for row, column in np.argwhere(iou > 0).tolist():
        shared = crop_overlap(detections.masks[row], crops[column])
        union = detections.masks[row].area + crops[column].area - shared
        iou[row, column] = shared / union
    return iou


def joined_objects(
    detections: Detections, objects: Sequence[TrackedInstance], iou: Overlap
) -> Marks:
    """Which objects each detection joins: those that lie in it by more than half and are
    bodies of it, where they are two at least.

    iou: as by `overlap_matrix`.
    """
    crops = [known.crop for known in objects if known.crop is not None]
    if detections.masks is not None:
        sizes = np.array([mask.area for mask in detections.masks], dtype=np.float64)
        own = np.array([crop.area for crop in crops], dtype=np.float64)
    else:
        sizes = areas(detections.boxes)
        own = areas(np.array([crop.xyxy for crop in crops], dtype=np.float64).reshape(-1, 4))
    shared = iou * (sizes[:, None] + own[None]) / (1 + iou)
    bodies = (shared > own / 2) & (shared >= BODY_SHARE * sizes[:, None])
    return np.asarray(bodies & (bodies.sum(axis=1, keepdims=True) > 1))


def part_overlaps(detections: Detections, objects: Sequence[TrackedInstance]) -> Overlap:
    """IoU of every detection's box with that of the part of an object's mask that is nearest;
    0 of a mask in one piece.
    """
    iou = np.zeros((len(detections), len(objects)))
    for column, known in enumerate(objects):
        boxes = body_boxes(known.crop) if known.crop is not None else []
        if len(boxes) > 1:
            iou[:, column] = box_iou(detections.boxes, np.array(boxes)).max(axis=1)
    return iou


def body_boxes(crop: MaskCrop) -> list[Float64[np.ndarray, " 4"]]:
    """x1 y1 x2 y2 of each connected part that may be a body of its own."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(crop.mask.view(np.uint8))
    parts = stats[1:count].astype(np.float64)
    parts = parts[parts[:, cv2.CC_STAT_AREA] >= BODY_SHARE * crop.area]
    corners = parts[:, :2] + crop.xyxy[:2]
    return list(np.concatenate([corners, corners + parts[:, 2:4]], axis=1))


def is_duplicate(
    detections: Detections,
    row: int,
    overlaps: Overlaps,
    matched: Mapping[int, int],
    objects: Sequence[TrackedInstance],
) -> bool:
    """Whether a detection that matched nothing is one more of a tracked object.

    matched: rows by the columns that they matched; what is apart from such a detection is
    another thing, though the mask is on both.  Only of a detection's mask can it be said that
    it lies in another: an object's box may well do.
    """
    for column in np.flatnonzero(overlaps.part[row] >= DUPLICATE_IOU).tolist():
        if column not in matched:
            return True
        if overlap_of(detections, row, matched[column]) >= MATCH_IOU:
            return True
    if detections.masks is None or not detections.masks[row].area:
        return False
    mask = detections.masks[row]
    crops = [known.crop for known in objects if known.crop is not None]
    shared = max((crop_overlap(mask, crop) for crop in crops), default=0)
    return shared / mask.area >= DUPLICATE_SHARE


def is_renamed(
    detections: Detections, row: int, names: Sequence[str], claimed: Sequence[int]
) -> bool:
    """Whether a detection is of the same thing as one of the `claimed` rows under another
    name, as where two texts match it.
    """
    return any(
        names[other] != names[row]
        and overlap_of(detections, row, other) >= OTHER_CLASS_DUPLICATE_IOU
        for other in claimed
    )


def prompts_of(detections: Detections, row: int, frame: Frame) -> list[VisualPrompt]:
    """A detection as prompts: its box as far as it lies in the frame, and its mask, which is a
    guess of the detector's.
    """
    box = box_within(detections, row, frame)
    if detections.masks is None:
        return [box]
    return [Mask(detections.masks[row].paste(*frame.image.shape[:2])), box]


def packed_instance(instance: TrackedInstance) -> dict[str, Any]:
    """Plain values for a snapshot."""
    names = [name for name in TrackedInstance.__slots__ if name not in ("crop", "motion")]
    values = {name: getattr(instance, name) for name in names}
    values["motion"] = instance.motion and instance.motion.packed()
    crop = instance.crop
    return values | {"crop": crop and [*crop.xywh, encode_mask(crop).hex()]}


def unpacked_instance(values: dict[str, Any]) -> TrackedInstance:
    """The value that `packed_instance` packed.

    Raises BadMask for a mask that is damaged, TypeError and ValueError for other values.
    """
    crop = None
    if values["crop"] is not None:
        *xywh, payload = values["crop"]
        crop = decode_mask(bytes.fromhex(payload), tuple(xywh))
    motion = ConstantVelocity.unpacked(values["motion"])
    return TrackedInstance(**values | {"crop": crop, "motion": motion})
