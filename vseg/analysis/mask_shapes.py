"""How two masks of an object differ in shape, and how one mask lies among others.

Enters: masks cut to their boxes.  Leaves: numbers without a unit, the same at any size of the
video.  Masks are compared on a small grid, so that a large object costs no more than a small
one.
"""

import math
from collections.abc import Iterable

import cv2
import numpy as np
from jaxtyping import Bool, Float64, UInt8

from vseg.types import MaskCrop

# Side of a mask of 24 x 24 pixels, at which shapes are compared, and how far from a mask
# another one touches it.  Round values; not tuned.
_GRID_SIDE = 24
_TOUCH_PX = 2


def centroid(crop: MaskCrop) -> Float64[np.ndarray, " 2"]:
    """The mean x, y of a mask's pixels in the frame.  The mask must not be empty."""
    offset = _local_centroid(crop.mask)
    return np.array([crop.x + offset[0], crop.y + offset[1]])


def shape_difference(one: MaskCrop, other: MaskCrop) -> float:
    """1 - IoU of two masks that are moved to one centroid and scaled to one area, in [0, 1].

    Neither mask may be empty.
    """
    first = _on_grid(one.mask)
    second = _on_grid(other.mask)
    if not first.any() or not second.any():
        return 1.0
    dx, dy = np.rint(_local_centroid(second) - _local_centroid(first)).astype(int).tolist()
    rows = slice(max(dy, 0), min(first.shape[0] + dy, second.shape[0]))
    columns = slice(max(dx, 0), min(first.shape[1] + dx, second.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return 1.0
    moved = first[rows.start - dy : rows.stop - dy, columns.start - dx : columns.stop - dx]
    shared = int(np.count_nonzero(moved & second[rows, columns]))
    return 1 - shared / (np.count_nonzero(first) + np.count_nonzero(second) - shared)


def outside_largest_piece(crop: MaskCrop) -> float:
    """The share of a mask's pixels that are not in its largest connected piece."""
    _, _, facts, _ = cv2.connectedComponentsWithStats(_bytes(crop.mask), connectivity=8)
    areas = facts[1:, cv2.CC_STAT_AREA]
    return 1 - float(areas.max()) / float(areas.sum()) if len(areas) else 0.0


def gap_to(crop: MaskCrop, other: MaskCrop) -> float:
    """The distance of two masks' boxes in pixels, 0 where they meet or overlap."""
    left, top, right, bottom = crop.xyxy
    other_left, other_top, other_right, other_bottom = other.xyxy
    dx = max(other_left - right, left - other_right, 0)
    dy = max(other_top - bottom, top - other_bottom, 0)
    return math.hypot(dx, dy)


def touched_outline(crop: MaskCrop, others: Iterable[MaskCrop]) -> float:
    """The share of a mask's outline that lies beside one other mask: the highest of any."""
    near = [other for other in others if gap_to(crop, other) <= _TOUCH_PX]
    if not near or not crop.mask.any():
        return 0.0
    outline = _outline(crop.mask)
    return max(_touched_share(crop, outline, other) for other in near)


def _touched_share(crop: MaskCrop, outline: Bool[np.ndarray, "h w"], other: MaskCrop) -> float:
    reach = _bytes(np.pad(other.mask, _TOUCH_PX))
    kernel = np.ones((2 * _TOUCH_PX + 1, 2 * _TOUCH_PX + 1), dtype=np.uint8)
    grown = cv2.dilate(reach, kernel) > 0
    # The grown mask in the coordinates of the crop.
    dx = other.x - _TOUCH_PX - crop.x
    dy = other.y - _TOUCH_PX - crop.y
    rows = slice(max(dy, 0), min(dy + grown.shape[0], outline.shape[0]))
    columns = slice(max(dx, 0), min(dx + grown.shape[1], outline.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return 0.0
    beside = grown[rows.start - dy : rows.stop - dy, columns.start - dx : columns.stop - dx]
    return float(np.count_nonzero(outline[rows, columns] & beside) / np.count_nonzero(outline))


def _outline(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    inner = cv2.erode(_bytes(np.pad(mask, 1)), np.ones((3, 3), dtype=np.uint8))
    return np.asarray(mask & (inner[1:-1, 1:-1] == 0))


def _on_grid(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "gh gw"]:
    scale = _GRID_SIDE / math.sqrt(np.count_nonzero(mask))
    height, width = (max(1, round(side * scale)) for side in mask.shape)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    shares = cv2.resize(_bytes(mask) * 255, (width, height), interpolation=way)
    return np.asarray(shares > 127)


def _local_centroid(mask: Bool[np.ndarray, "h w"]) -> Float64[np.ndarray, " 2"]:
    columns = mask.sum(axis=0, dtype=np.float64)
    rows = mask.sum(axis=1, dtype=np.float64)
    area = columns.sum()
    x = float(columns @ np.arange(len(columns))) / area
    y = float(rows @ np.arange(len(rows))) / area
    return np.array([x, y])


def _bytes(mask: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    return np.ascontiguousarray(mask).view(np.uint8)
