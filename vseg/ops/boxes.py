"""Boxes as x1 y1 x2 y2 in pixels, right and bottom exclusive: how far they overlap, and which are one."""

import numpy as np
from jaxtyping import Float64, Int64

from vseg.types import Box

Boxes = Float64[np.ndarray, "N 4"]


def clipped(boxes: Boxes, hw: tuple[int, int]) -> Boxes:
    """The boxes cut to a picture of height and width `hw`; one outside it becomes empty."""
    h, w = hw
    return np.asarray(np.clip(boxes, 0, np.array([w, h, w, h], dtype=np.float64)))


def pixels_in(box: Box) -> tuple[slice, slice]:
    """The rows and columns of the pixels whose centres the box encloses, from the picture's first on."""
    return (
        slice(max(0, round(box.y1)), max(0, round(box.y2))),
        slice(max(0, round(box.x1)), max(0, round(box.x2))),
    )


def areas(boxes: Boxes) -> Float64[np.ndarray, " N"]:
    """Square pixels of each box, 0 for an inverted one."""
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    return np.asarray(sides[:, 0] * sides[:, 1])


def overlaps(box: Float64[np.ndarray, "4"], boxes: Boxes) -> Float64[np.ndarray, " N"]:
    """The IoU of one box with each of the others, in [0, 1]; 0 of two empty ones."""
    corners = np.concatenate(
        [np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])], axis=1
    )
    shared = areas(corners)
    union = areas(box[None])[0] + areas(boxes) - shared
    return np.asarray(shared / np.maximum(union, np.finfo(np.float64).tiny))


def without_doubles(boxes: Boxes, overlap: float) -> Int64[np.ndarray, " M"]:
    """The places of the boxes that share no more than `overlap` (IoU) with one kept before them.

    Greedy non-maximum suppression: give the best box first.
    """
    kept: list[int] = []
    left = np.arange(len(boxes))
    while left.size:
        first, rest = left[0], left[1:]
        kept.append(int(first))
        left = rest[overlaps(boxes[first], boxes[rest]) <= overlap]
    return np.array(kept, dtype=np.int64)
