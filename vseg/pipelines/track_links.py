"""Which object a detections' track is linked to, and how a detection lies to the objects.

Enters: links with the box of their object's latest mask, and the detections of a frame.
Leaves: the nearest object, overlaps, and detections as prompts.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float64

from vseg.ops.boxes import box_iou, clipped
from vseg.types import Box, Detections, Frame, Mask, MaskCrop, VisualPrompt
from vseg_trackers import PackedMasks

Corners = tuple[float, float, float, float]
"""x1 y1 x2 y2 in video pixels, right and bottom exclusive."""

_SPECK_SHARE = 0.1
"""Parts of a mask below this share of the largest one are taken for specks.  A round value;
not tuned.
"""


@dataclass(frozen=True, slots=True)
class TrackLink:
    """One object and its track among the detections.

    label: the detections' class.  supported_s: when a detection last agreed with its mask.
    prompted_frame: None before the first prompt.  box: of its latest mask, None where that was
    empty.
    """

    object_id: int
    track_id: int
    label: int
    supported_s: float
    prompted_frame: int | None = None
    box: Corners | None = None


def packed_link(link: TrackLink) -> dict[str, Any]:
    """Plain values for a snapshot."""
    return asdict(link)


def unpacked_link(values: dict[str, Any]) -> TrackLink:
    """The value that `packed_link` packed.  Raises TypeError for other values."""
    box = values["box"]
    return TrackLink(**values | {"box": None if box is None else tuple(box)})


def nearest(
    box: Float64[np.ndarray, " 4"], links: Sequence[TrackLink]
) -> tuple[TrackLink | None, float]:
    """The visible object whose box overlaps most, and the IoU; None and 0 without any."""
    visible = [link for link in links if link.box is not None]
    if not visible:
        return None, 0.0
    overlaps = box_iou(box[None], np.array([link.box for link in visible]))[0]
    best = int(np.argmax(overlaps))
    return visible[best], float(overlaps[best])


def max_overlap(detections: Detections, row: int) -> float:
    """The largest IoU of one detection with another of the frame."""
    others = np.delete(detections.boxes, row, axis=0)
    return float(box_iou(detections.boxes[row : row + 1], others).max(initial=0.0))


def prompt_of(detections: Detections, row: int, frame: Frame) -> VisualPrompt:
    """A detection as a prompt: its mask, or its box as far as it lies in the frame."""
    if detections.masks is not None:
        return Mask(detections.masks[row].paste(*frame.image.shape[:2]))
    return box_within(detections, row, frame)


def box_within(detections: Detections, row: int, frame: Frame) -> Box:
    """A detection's box as far as it lies in the frame."""
    corners = clipped(detections.boxes[row : row + 1], frame.image.shape[:2])[0].tolist()
    return Box(*corners)


def packed(detections: Detections, frame_hw: tuple[int, int]) -> PackedMasks | None:
    """The masks as the association takes them; None where there are only boxes."""
    if detections.masks is None:
        return None
    corners = [crop.xyxy for crop in detections.masks]
    boxes = np.array(corners, dtype=np.int64).reshape(-1, 4)
    return PackedMasks(*frame_hw, boxes, tuple(crop.mask for crop in detections.masks))


def main_component_box(crop: MaskCrop) -> Corners | None:
    """The box around the large parts of a mask; None if it is empty.

    A speck far away would make a box that agrees with no detection.
    """
    if crop.area == 0:
        return None
    # One row for each connected part: left, top, width, height, area; the first is background.
    parts = cv2.connectedComponentsWithStats(crop.mask.astype(np.uint8))[2][1:]
    areas = parts[:, cv2.CC_STAT_AREA]
    large = parts[areas >= _SPECK_SHARE * areas.max()]
    x1, y1 = large[:, :2].min(axis=0).tolist()
    x2, y2 = (large[:, :2] + large[:, 2:4]).max(axis=0).tolist()
    return float(crop.x + x1), float(crop.y + y1), float(crop.x + x2), float(crop.y + y2)
