"""What a guide knows of each object, and which of them a detection is on.

Enters: objects with the box of their latest mask, and one detection.  Leaves: the nearest
object.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64

from vseg.ops.boxes import box_iou, clipped
from vseg.types import Box, Detections, Frame, Mask, MaskCrop, VisualPrompt
from vseg_trackers import PackedMasks

Sides = tuple[float, float, float, float]

_SPECK = 0.1


@dataclass(frozen=True, slots=True)
class TrackLink:
    """One object: its track among the detections, and how the two have agreed.

    box: of its latest mask, None where it was out of sight.  supported_s: when a detection
    last spoke for it.  prompted: the frame it was last prompted on, None before the first.
    """

    object_id: int
    track_id: int
    label: int
    supported_s: float
    prompted: int | None = None
    box: Sides | None = None


def nearest(
    box: Float64[np.ndarray, " 4"], objects: Sequence[TrackLink]
) -> tuple[TrackLink | None, float]:
    """The object in sight whose mask's box overlaps most, and the IoU; None and 0 without
    any.
    """
    seen = [each for each in objects if each.box is not None]
    if not seen:
        return None, 0.0
    overlaps = box_iou(box[None], np.array([each.box for each in seen]))[0]
    best = int(np.argmax(overlaps))
    return seen[best], float(overlaps[best])


def max_overlap(found: Detections, row: int) -> float:
    """The largest IoU of one detection with another of the frame."""
    others = np.delete(found.boxes, row, axis=0)
    return float(box_iou(found.boxes[row : row + 1], others).max(initial=0.0))


def prompt_of(found: Detections, row: int, frame: Frame) -> VisualPrompt:
    """A detection as a prompt: its mask, or its box as far as it lies in the frame."""
    if found.masks is not None:
        return Mask(found.masks[row].paste(*frame.image.shape[:2]))
    return box_within(found, row, frame)


def box_within(found: Detections, row: int, frame: Frame) -> Box:
    """A detection's box as far as it lies in the frame."""
    ((x1, y1, x2, y2),) = clipped(found.boxes[row : row + 1], frame.image.shape[:2]).tolist()
    return Box(x1, y1, x2, y2)


def packed(found: Detections, frame_hw: tuple[int, int]) -> PackedMasks | None:
    """The masks as the association takes them; None where there are only boxes."""
    if found.masks is None:
        return None
    boxes = np.array([m.xyxy for m in found.masks], dtype=np.int64).reshape(-1, 4)
    return PackedMasks(*frame_hw, boxes, tuple(each.mask for each in found.masks))


def main_component_box(crop: MaskCrop) -> Sides | None:
    """The box around the large parts of a mask; None if it is empty.

    A speck far away would make a box that agrees with no detection: parts of less than
    `_SPECK` of the largest one do not count.
    """
    if crop.area == 0:
        return None
    parts = cv2.connectedComponentsWithStats(crop.mask.astype(np.uint8))[2][1:]
    sizes = parts[:, cv2.CC_STAT_AREA]
    large = parts[sizes >= _SPECK * sizes.max()]
    corners = large[:, :2]
    sides = large[:, 2:4]
    (x1, y1), (x2, y2) = corners.min(axis=0).tolist(), (corners + sides).max(axis=0).tolist()
    return float(crop.x + x1), float(crop.y + y1), float(crop.x + x2), float(crop.y + y2)
