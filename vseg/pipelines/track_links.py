"""Which object a detections' track is linked to, and how a detection lies to the objects.

Enters: links with the box of their object's latest mask, and the detections of a frame.
Leaves: the nearest object, overlaps, and detections as prompts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float64

from vseg.ops.boxes import box_iou, clipped
from vseg.ops.masks import crop_iou
from vseg.types import Box, Detections, Frame, Mask, MaskCrop, VisualPrompt
from vseg_trackers import PackedMasks, Track, TrackState

Corners = tuple[float, float, float, float]
"""x1 y1 x2 y2 in video pixels, right and bottom exclusive."""

_SPECK_SHARE = 0.1
"""Parts of a mask below this share of the largest one are taken for specks.  A round value;
not tuned.
"""


SUPPORT_IOU = 0.2
"""From this IoU of a detection's box and an object's (that of the main parts of its mask) on,
the detection is of that object.  Low, because a mask's box and a detector's box of one body
differ by its limbs and its shadow.  A round value; not tuned.
"""
RELINK_IOU = 0.5
"""From this IoU with an object that lost its own track on, a new track continues it though it
is not confirmed yet, or of another class.  More than `SUPPORT_IOU`: one detection has to tell.
A round value; not tuned.
"""
CROWDED_IOU = 0.2
"""From this IoU with another detection on, a box may hold more of its neighbour than of its
own object, and does not prompt again.  A round value; not tuned.
"""
DUPLICATE_IOU = 0.6
"""From this IoU with an object of another track on, a new track is a second detection of it.
Above the IoU of two people side by side, below that of two boxes of one.  A round value; not
tuned.
"""
OTHER_CLASS_DUPLICATE_IOU = 0.7
"""The same where the classes differ: above what a rider and a bicycle reach, and below what
two names for one object do.  A round value; not tuned.
"""


@dataclass(frozen=True, slots=True)
class TrackLink:
    """One object and its track among the detections.

    label: the track's class.  returned: whether its masks are.  hits: its detections; as many
    as confirm an object where the track was confirmed.  missed: runs of the detector without
    one since the last, which was `detected` at `detected_s`.  supported_s: when a detection
    last agreed with its mask; strayed: runs since then whose detection did not.
    prompted_frame: None before the first prompt.  box: of its latest mask, None where that was
    empty.
    """

    object_id: int
    track_id: int
    label: int
    supported_s: float
    returned: bool = True
    hits: int = 0
    missed: int = 0
    strayed: int = 0
    prompted_frame: int | None = None
    box: Corners | None = None
    detected: Corners | None = None
    detected_s: float = 0.0


def packed_link(link: TrackLink) -> dict[str, Any]:
    """Plain values for a snapshot."""
    return asdict(link)


def unpacked_link(values: dict[str, Any]) -> TrackLink:
    """The value that `packed_link` packed.  Raises TypeError for other values."""
    boxes = {
        name: None if values[name] is None else tuple(values[name])
        for name in ("box", "detected")
    }
    return TrackLink(**values | boxes)


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


def agreement(
    link: TrackLink, box: Float64[np.ndarray, " 4"], masks_s: float, now_s: float
) -> float:
    """The IoU of an object's latest mask, which is that of `masks_s`, with its detection
    `box` of `now_s`; 0 where it is invisible.

    What moves far from frame to frame has left its latest mask.  So the mask is also compared
    with where the detections before and after it say that the object was then, on a straight
    line between them, and the better of both counts.
    """
    if link.box is None:
        return 0.0
    places = [box]
    if link.detected is not None and link.detected_s <= masks_s < now_s:
        share = (masks_s - link.detected_s) / (now_s - link.detected_s)
        before = np.array(link.detected)
        places.append(before + share * (box - before))
    return float(box_iou(np.array(places), np.array([link.box])).max())


def orphan_of(
    track: Track, box: Float64[np.ndarray, " 4"], orphans: Sequence[TrackLink]
) -> tuple[TrackLink | None, float]:
    """The object without a track of its own that a new track at `box` continues, and their
    IoU; those of the track's class first.
    """
    for label_matters in (True, False):
        chosen = [x for x in orphans if not label_matters or x.label == track.label]
        sure = label_matters and track.state is TrackState.CONFIRMED
        orphan, overlap = nearest(box, chosen)
        if orphan is not None and overlap >= (SUPPORT_IOU if sure else RELINK_IOU):
            return orphan, overlap
    return None, 0.0


def is_taken(
    detections: Detections, row: int, label: int, linked: Mapping[int, TrackLink]
) -> bool:
    """Whether a detection of a track without an object is one more of an object, of any class.

    linked: the objects whose tracks have a detection, by the row of it.
    """
    boxes = detections.boxes
    for other_row, link in linked.items():
        overlap = max(nearest(boxes[row], [link])[1], overlap_of(detections, row, other_row))
        same = link.label == label
        if overlap >= (DUPLICATE_IOU if same else OTHER_CLASS_DUPLICATE_IOU):
            return True
    return False


def overlap_of(detections: Detections, row: int, other: int) -> float:
    """The IoU of two detections: of masks where both have one, else of boxes."""
    if detections.masks is not None:
        one = detections.masks[row]
        another = detections.masks[other]
        if one.area and another.area:
            return crop_iou(one, another)
    boxes = detections.boxes
    return float(box_iou(boxes[row : row + 1], boxes[other : other + 1])[0, 0])


def is_crowded(detections: Detections, row: int) -> bool:
    """Whether another detection overlaps this one, and is not one more of the same object."""
    overlaps = box_iou(detections.boxes[row : row + 1], detections.boxes)[0]
    others = np.arange(len(detections)) != row
    renamed = (detections.labels != detections.labels[row]) & (
        overlaps >= OTHER_CLASS_DUPLICATE_IOU
    )
    return bool((overlaps[others & ~renamed] >= CROWDED_IOU).any())


def prompt_of(detections: Detections, row: int, frame: Frame) -> VisualPrompt:
    """A detection as a prompt: its mask, or its box as far as it lies in the frame."""
    if detections.masks is not None:
        return Mask(detections.masks[row].paste(*frame.hw))
    return box_within(detections, row, frame)


def box_within(detections: Detections, row: int, frame: Frame) -> Box:
    """A detection's box as far as it lies in the frame."""
    corners = clipped(detections.boxes[row : row + 1], frame.hw)[0].tolist()
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
