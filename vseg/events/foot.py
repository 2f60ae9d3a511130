"""Where an object stands: the middle of the lowest part of its mask.

A box has its foot under its middle, also where an arm or a shadow widens it; the pixels that
touch the ground do not have this fault.
"""

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
    rows = min(MOST_ROWS, max(1, height // LOWEST_SHARE))
    places = crop.mask[height - rows :].ravel().nonzero()[0] % width
    middle = int(np.add.reduce(places)) / places.size
    return crop.x + middle, float(crop.y + height - 1)
