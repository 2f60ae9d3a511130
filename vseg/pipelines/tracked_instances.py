"""What a redetection tracker knows of an object, and how its detections overlap them.

Enters: detections of one frame and the objects with their latest masks.  Leaves: overlaps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float64

from vseg.ops.boxes import box_iou
from vseg.ops.codec import decode_mask, encode_mask
from vseg.ops.masks import crop_overlap
from vseg.pipelines.track_links import OTHER_CLASS_DUPLICATE_IOU, box_within, overlap_of
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
DUPLICATE_IOU = 0.5
DUPLICATE_SHARE = 0.8
"""From this IoU, or this share of its own mask, on, a detection that matched nothing is one
more of a tracked object.  Round values; not tuned.
"""


@dataclass(frozen=True, slots=True)
class TrackedInstance:
    """One object.

    label: what it was detected as most often, empty if it has no name; votes: how often as
    what, of a few names.  confirmed: it was detected twice,
    or on the first frame of all.  visible_s: when it was last visible.  prompted_frame: of its
    last prompt, -1 before the first.  crop: its latest mask, None where that was empty.
    missed: detections in a row that did not find it where its mask is.
    """

    object_id: int
    label: str
    confirmed: bool
    visible_s: float
    prompted_frame: int = -1
    crop: MaskCrop | None = None
    missed: int = 0
    votes: dict[str, int] = field(default_factory=dict)

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


def overlap_matrix(
    detections: Detections, objects: Sequence[TrackedInstance]
) -> Float64[np.ndarray, "N M"]:
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


def assigned(
    iou: Float64[np.ndarray, "N M"], labels: Sequence[str], objects: Sequence[TrackedInstance]
) -> Assignment:
    """Detections (rows) and visible objects (columns) matched one to one; labels: of the
    detections.
    """
    equal = [[known.label == label for known in objects] for label in labels]
    bonus = SAME_LABEL_BONUS * np.array(equal, dtype=bool).reshape(iou.shape)
    rows, columns = np.nonzero(iou >= MATCH_IOU)
    return assign(Candidates(rows, columns, (iou + bonus)[rows, columns]))


def is_only_match(detections: Detections, row: int, instance: TrackedInstance) -> bool:
    """Whether no other detection of the frame may be of the object."""
    others = np.delete(overlap_matrix(detections, [instance])[:, 0], row)
    return bool(others.max(initial=0.0) < MATCH_IOU)


def is_duplicate(
    detections: Detections,
    row: int,
    iou: Float64[np.ndarray, "N M"],
    objects: Sequence[TrackedInstance],
) -> bool:
    """Whether a detection that matched nothing is one more of a tracked object.

    iou: of the detections with the objects that were visible before.  Only of a detection's
    mask can it be said that it lies in another: an object's box may well do.
    """
    if iou[row].max(initial=0.0) >= DUPLICATE_IOU:
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
    names = [name for name in TrackedInstance.__slots__ if name != "crop"]
    values = {name: getattr(instance, name) for name in names}
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
    return TrackedInstance(**values | {"crop": crop})
