"""An exemplar in another size: its image reduced, or enlarged about its region.

Enters and leaves: an RGB image and a region of it, at the same size in pixels.
"""

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from vseg.prompts.simulate import tight_box
from vseg.types import Box

Region = Bool[np.ndarray, "H W"]


def scaled_exemplar(
    image: UInt8[np.ndarray, "H W 3"], region: Region, scale: float
) -> tuple[UInt8[np.ndarray, "H W 3"], Region]:
    """The image reduced on a plain ground, or enlarged about the region, at its own size.

    The region is empty where it does not lie wholly in the enlarged image.
    """
    if scale == 1:
        return image, region
    height, width = region.shape
    box = tight_box(region)
    centre = ((box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2)
    if scale < 1:
        centre = (width / 2, height / 2)
    # Enlarged, the region's surroundings fill the image as far as there is image.
    left = _kept_inside(centre[0] - width / scale / 2, width, scale)
    top = _kept_inside(centre[1] - height / scale / 2, height, scale)
    if scale > 1 and not _within(box, (left, top, width / scale, height / scale)):
        return image, np.zeros_like(region)
    matrix = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    plain = [float(v) for v in image.reshape(-1, 3).mean(axis=0)]
    smooth = cv2.GaussianBlur(image, (0, 0), 0.5 / scale) if scale < 1 else image
    moved = cv2.warpAffine(smooth, matrix, (width, height), borderValue=plain)
    share = cv2.warpAffine(region.astype(np.float32), matrix, (width, height))
    return np.asarray(moved, dtype=np.uint8), np.asarray(share > 0.5, dtype=bool)


def _kept_inside(start: float, side: int, scale: float) -> float:
    """Where the window of an enlarged image begins, moved into the image."""
    return min(max(start, 0.0), side - side / scale) if scale > 1 else start


def _within(box: Box, window: tuple[float, float, float, float]) -> bool:
    left, top, width, height = window
    return (
        box.x1 >= left and box.y1 >= top and box.x2 <= left + width and box.y2 <= top + height
    )
