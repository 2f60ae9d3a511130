"""Masks at video size from logits on coarser cells, enlarged before they are cut at 0, as SAM
does it: the outline stays smooth.
"""

import cv2
import numpy as np
from jaxtyping import Float32

from vseg.types import MaskCrop


def enlarged_logits(
    logits: Float32[np.ndarray, "h w"], hw: tuple[int, int]
) -> Float32[np.ndarray, "H W"]:
    """Logits that cover the frame, at the frame's height and width; bilinear."""
    size = (hw[1], hw[0])
    return np.asarray(cv2.resize(logits, size, interpolation=cv2.INTER_LINEAR))


def enlarged_mask(logits: Float32[np.ndarray, "h w"], hw: tuple[int, int]) -> MaskCrop:
    """The pixels of the frame whose enlarged logits are positive.

    They are less than a cell from a positive one; comparing all others as well takes twice as
    long as the enlarging.
    """
    large = enlarged_logits(logits, hw)
    x, y, width, height = cv2.boundingRect((logits > 0).view(np.uint8))
    rows = _pixels(y, height, hw[0] / logits.shape[0])
    columns = _pixels(x, width, hw[1] / logits.shape[1])
    crop = MaskCrop.of(np.asarray(large[rows, columns] > 0, dtype=bool))
    if not crop.area:
        return crop
    return MaskCrop(columns.start + crop.x, rows.start + crop.y, crop.mask)


def _pixels(first: int, length: int, scale: float) -> slice:
    """The pixels of some cells along an axis and of one beside them on either side."""
    return slice(max(0, int((first - 1) * scale) - 1), int((first + length + 1) * scale) + 2)
