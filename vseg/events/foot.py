"""Where an object stands: the middle of the lowest part of its mask.

A box has its foot under its middle, also where an arm or a shadow widens it; the pixels that
touch the ground do not have this fault.
"""

import math
from collections.abc import Collection

import cv2
import numpy as np

from vseg.events.crossings import Point
from vseg.types import MaskCrop

LOWEST_SHARE = 10
"""The lowest tenth of a mask: the shoes of a walker, who is eight heads tall."""

MOST_ROWS = 8
"""More rows tell nothing of where a large object ends, and cost time."""


def foot_of(crop: MaskCrop) -> Point:
    """x and y of the foot of a mask that is not empty, in pixels of the frame.

    x: the mean of the pixels in the lowest rows, which of two legs or wheels is between them,
    where a median jumps from one to the other; y: the lowest row.
    """
    height, width = crop.mask.shape
    rows = _rows(crop)
    places = crop.mask[height - rows :].ravel().nonzero()[0] % width
    middle = int(np.add.reduce(places)) / places.size
    return crop.x + middle, float(crop.y + height - 1)


def _rows(crop: MaskCrop) -> int:
    """How many of the rows are the lowest."""
    height: int = crop.mask.shape[0]
    return min(MOST_ROWS, max(1, height // LOWEST_SHARE))


OFF_CENTRE = 0.25
"""A foot so far from the middle of the mask, by its width, or that moved so far from one frame
to the next, by the smaller side, is doubted: a walker's swings by about half of it.  Not
tuned.
"""


def sure_foot_of(
    crop: MaskCrop, before: Point | None, scene: Collection[MaskCrop] = ()
) -> Point:
    """The foot of a mask that is not empty; where it is doubtful, of its largest part, and
    below the middle of that where a nearer object covers what is lowest.

    A piece of the background that sticks to a mask is often its lowest part; and of a car that
    passes behind another, a single wheel is.  before: the foot on the frame before.  scene:
    all masks of the frame.
    """
    foot = foot_of(crop)
    jumped = before is not None and math.dist(foot, before) > OFF_CENTRE * min(crop.mask.shape)
    if not (jumped or _is_aside(foot, crop)):
        return foot
    part = _largest_part(crop)
    foot = foot_of(part)
    if _is_aside(foot, part) and _is_covered(part, scene):
        return part.x + (part.mask.shape[1] - 1) / 2, foot[1]
    return foot


def _is_aside(foot: Point, crop: MaskCrop) -> bool:
    width = crop.mask.shape[1]
    return bool(abs(foot[0] - crop.x - (width - 1) / 2) > OFF_CENTRE * width)


def _is_covered(crop: MaskCrop, scene: Collection[MaskCrop]) -> bool:
    """Whether an object that is nearer, as it reaches lower, has pixels in the lowest rows of
    a mask's box.
    """
    x1, _, x2, y2 = crop.xyxy
    y1 = y2 - _rows(crop)
    for other in scene:
        left, top, right, bottom = other.xyxy
        if bottom > y2 and top < y2 and left < x2 and right > x1:
            rows = slice(max(0, y1 - top), y2 - top)
            if other.mask[rows, max(0, x1 - left) : x2 - left].any():
                return True
    return False


def _largest_part(crop: MaskCrop) -> MaskCrop:
    """The largest connected part of a mask."""
    pixels = np.ascontiguousarray(crop.mask).view(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(pixels, connectivity=8)
    if count <= 2:  # the background, and one part
        return crop
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    part = MaskCrop.of(labels == largest)
    return MaskCrop(crop.x + part.x, crop.y + part.y, part.mask)
