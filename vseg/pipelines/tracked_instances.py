"""What a lookout knows of each object, and how far detections are of it.

Enters: detections of one frame and the objects with their latest masks.  Leaves: overlaps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from vseg.ops.boxes import box_iou
from vseg.ops.codec import decode_mask, encode_mask
from vseg.types import Detections, MaskCrop


@dataclass(frozen=True, slots=True)
class TrackedInstance:
    """One object.

    name: what it was found as, empty if it has none.  confirmed: two looks have seen it, or
    the first of all.  seen_s: when it was last in sight.  prompted: the frame of its last
    prompt.  crop: its latest mask, None where it was out of sight.  missed: looks in a row
    that did not find it where it was drawn.
    """

    object_id: int
    name: str
    confirmed: bool
    seen_s: float
    prompted: int = -1
    crop: MaskCrop | None = None
    missed: int = 0


def overlap_matrix(
    found: Detections, objects: Sequence[TrackedInstance]
) -> Float64[np.ndarray, "N M"]:
    """IoU of every detection with every object in sight: of masks where there are some, else
    of boxes.
    """
    crops = [each.crop for each in objects if each.crop is not None]
    boxes = np.array([crop.xyxy for crop in crops], dtype=np.float64).reshape(-1, 4)
    iou = box_iou(found.boxes, boxes)
    if found.masks is None:
        return iou
    for row, column in np.argwhere(iou > 0).tolist():
        shared = _shared(found.masks[row], crops[column])
        iou[row, column] = shared / (found.masks[row].area + crops[column].area - shared)
    return iou


def contained(found: Detections, row: int, objects: Sequence[TrackedInstance]) -> float:
    """The largest share of one detection's mask that lies in an object's; 0 for a box
    without a mask, because one thing's box may well lie in another's."""
    crops = [each.crop for each in objects if each.crop is not None]
    if found.masks is None or not crops or not found.masks[row].area:
        return 0.0
    return max(_shared(found.masks[row], crop) for crop in crops) / found.masks[row].area


def packed_instance(watched: TrackedInstance) -> dict[str, Any]:
    """Plain values for a snapshot."""
    values = {
        name: getattr(watched, name) for name in TrackedInstance.__slots__ if name != "crop"
    }
    crop = watched.crop
    return values | {"crop": crop and [*crop.xywh, encode_mask(crop).hex()]}


def unpacked_instance(values: dict[str, Any]) -> TrackedInstance:
    """The value that `packed_instance` packed.  Raises BadMask."""
    crop = None
    if values["crop"] is not None:
        *xywh, payload = values["crop"]
        crop = decode_mask(bytes.fromhex(payload), tuple(xywh))
    return TrackedInstance(**values | {"crop": crop})


def _shared(one: MaskCrop, other: MaskCrop) -> int:
    """Pixels that two masks have in common."""
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = one.xyxy, other.xyxy
    x1 = max(ax1, bx1)
    y1 = max(ay1, by1)
    x2 = min(ax2, bx2)
    y2 = min(ay2, by2)
    if x2 <= x1 or y2 <= y1:
        return 0
    mine = one.mask[y1 - one.y : y2 - one.y, x1 - one.x : x2 - one.x]
    theirs = other.mask[y1 - other.y : y2 - other.y, x1 - other.x : x2 - other.x]
    return int(np.count_nonzero(mine & theirs))
