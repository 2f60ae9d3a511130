"""Boxes as x1 y1 x2 y2 in pixels, right and bottom exclusive: how far they overlap, and which
are one.
"""

import numpy as np
from jaxtyping import Float, Float64, Int64

from vseg.types import Box

Boxes = Float64[np.ndarray, "N 4"]


def clipped(boxes: Boxes, hw: tuple[int, int]) -> Boxes:
    """The boxes cut to an image of height and width `hw`; one outside it becomes empty."""
    h, w = hw
    return np.asarray(np.clip(boxes, 0, np.array([w, h, w, h], dtype=np.float64)))


def pixels_in(box: Box) -> tuple[slice, slice]:
    """The rows and columns of the pixels whose centres the box encloses, from the image's
    first on.
    """
    return (
        slice(max(0, round(box.y1)), max(0, round(box.y2))),
        slice(max(0, round(box.x1)), max(0, round(box.x2))),
    )


def areas(boxes: Float[np.ndarray, "N 4"]) -> Float[np.ndarray, " N"]:
    """Square pixels of each box, 0 for an inverted one."""
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    return np.asarray(sides[:, 0] * sides[:, 1])


def box_iou(
    a: Float[np.ndarray, "N 4"], b: Float[np.ndarray, "M 4"]
) -> Float[np.ndarray, "N M"]:
    """The IoU of every pair, in [0, 1]; 0 of two empty ones."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    sides = np.maximum(np.minimum(a[:, None, 2:], b[None, :, 2:]) - top_left, 0)
    common = sides[..., 0] * sides[..., 1]
    union = areas(a)[:, None] + areas(b)[None] - common
    return np.asarray(np.divide(common, union, where=union > 0, out=np.zeros(common.shape)))


def nms(boxes: Boxes, overlap: float) -> Int64[np.ndarray, " M"]:
    """The places of the boxes that share no more than `overlap` (IoU) with one kept before
    them.

    Greedy non-maximum suppression: give the best box first.
    """
    kept: list[int] = []
    left = np.arange(len(boxes))
    while left.size:
        first = left[0]
        rest = left[1:]
        kept.append(int(first))
        left = rest[box_iou(boxes[first][None], boxes[rest])[0] <= overlap]
    return np.array(kept, dtype=np.int64)
