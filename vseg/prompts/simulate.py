"""Prompts a user would give for a known mask; benchmarks and training ask with the same hand.

Enters: a true mask (and a prediction).  Leaves: points in pixels of that mask.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from vseg.ops.masks import mask_box
from vseg.types import Box, Points, Scribble


def innermost(mask: Bool[np.ndarray, "H W"]) -> tuple[int, int]:
    """(x, y) of the pixel farthest from the mask's outline; the frame's edge counts as
    outline.
    """
    depth = depth_inside(mask)
    y, x = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return int(x), int(y)


def depth_inside(mask: Bool[np.ndarray, "H W"]) -> Float32[np.ndarray, "H W"]:
    """The distance in pixels of every pixel of the mask to its outline, 0 outside."""
    padded = np.pad(mask.astype(np.uint8), 1)
    inside = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    return np.asarray(inside, dtype=np.float32)


def innermost_click(mask: Bool[np.ndarray, "H W"]) -> Points:
    """One positive click at the innermost pixel."""
    return Points(np.array([innermost(mask)], np.float32), np.ones(1, dtype=bool))


def correction(
    truth: Bool[np.ndarray, "H W"], predicted: Bool[np.ndarray, "H W"]
) -> Points | None:
    """A click inside the largest wrong region: positive if missed, negative if added; None if
    right.
    """
    wrong = (truth != predicted).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(wrong)
    if count < 2:
        return None
    x, y = innermost(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))
    return Points(np.array([[x, y]], np.float32), np.array([bool(truth[y, x])]))


def tight_box(mask: Bool[np.ndarray, "H W"]) -> Box:
    """The mask's bounding box."""
    x1, y1, x2, y2 = mask_box(mask)
    return Box(float(x1), float(y1), float(x2), float(y2))


def middle_scribble(mask: Bool[np.ndarray, "H W"]) -> Scribble:
    """A line through the mask along its longer side: the deepest pixel of each of eight
    slices.
    """
    depth = depth_inside(mask)
    x1, y1, x2, y2 = mask_box(mask)
    along_x = x2 - x1 >= y2 - y1
    low, length = (x1, x2 - x1) if along_x else (y1, y2 - y1)
    points = []
    for k in range(8):
        a = low + k * length // 8
        b = low + max((k + 1) * length // 8, k * length // 8 + 1)
        part = depth[:, a:b] if along_x else depth[a:b]
        row, column = np.unravel_index(int(np.argmax(part)), part.shape)
        if part[row, column] > 0:
            points.append((a + column, row) if along_x else (column, a + row))
    return Scribble(np.array(points, np.float32))
