"""How the detections of a frame overlap the objects that are tracked, and which are of one.

Enters: detections of one frame and the objects with their latest masks.  Leaves: overlaps, who
is matched to whom, and which detections are of several objects, or of none that is new.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float64

from vseg.ops.boxes import areas, box_iou
from vseg.ops.masks import crop_overlap
from vseg.pipelines.track_links import OTHER_CLASS_DUPLICATE_IOU, box_within, overlap_of
from vseg.pipelines.tracked_instances import TrackedInstance
from vseg.types import Detections, Frame, Mask, MaskCrop, VisualPrompt
from vseg_trackers.assignment import Assignment, Candidates, assign

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
DUPLICATE_IOU = 0.5
DUPLICATE_SHARE = 0.8
"""From this IoU, or this share of its own mask, on, a detection that matched nothing is one
more of a tracked object.  Round values; not tuned.
"""

Overlap = Float64[np.ndarray, "N M"]
Marks = Bool[np.ndarray, "N M"]


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
        height, width = frame.hw
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

    @property
    def joining(self) -> set[int]:
        """The detections of several objects."""
        return set(np.flatnonzero(self.joined.any(axis=1)).tolist())

    @property
    def within(self) -> set[int]:
        """The objects that such a detection shows."""
        return set(np.flatnonzero(self.joined.any(axis=0)).tolist())

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
    return [Mask(detections.masks[row].paste(*frame.hw)), box]
