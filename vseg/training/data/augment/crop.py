"""Square crops: which part of a source the frame shows.

Enters: the mask of what should be shown.  Leaves: the map from source pixels to a square
frame.
"""

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from vseg.training.data.augment.warp import (
    Affine,
    MotionRange,
    around_point,
    draw_affine,
    placed,
)
from vseg.training.data.clip import extent

# Round values; not tuned.  The side of a crop is this share of the source's short side.
_MIN_CROP = 0.55
_MAX_CROP = 1.15
_TILT = MotionRange(shift=0.0, rotation=10, zoom=0.1, shear=0.08)
# Bilinear sampling skips pixels from a scale of 2 on; crops are up to 1.15 of the short side.
_MAX_REDUCTION = 1.6


def draw_crop(rng: np.random.Generator, mask: Bool[np.ndarray, "H W"], side: int) -> Affine:
    """A square crop: the source's short side or down to 55 % of it, near the object, maybe
    mirrored.

    An empty mask gives a crop anywhere.
    """
    h, w = mask.shape
    window = min(h, w) * np.exp(rng.uniform(np.log(_MIN_CROP), np.log(_MAX_CROP)))
    body = extent(mask)
    if body.size.any():
        centre = body.centre + rng.normal(0, 0.2, 2) * window
    else:
        centre = rng.uniform(0, 1, 2) * (w, h)
    low = np.minimum(window / 2, [w / 2, h / 2])
    centre = np.clip(centre, low, np.array([w, h]) - low)
    middle = np.full(2, side / 2)
    matrix = placed(side / window, centre, middle)
    if rng.random() < 0.5:
        matrix = np.array([[-1.0, 0, side], [0, 1, 0], [0, 0, 1]]) @ matrix
    return np.asarray(around_point(middle, draw_affine(rng, _TILT, side)) @ matrix)


def halved(
    image: UInt8[np.ndarray, "H W 3"], labels: UInt8[np.ndarray, "H W"], side: int
) -> tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"]]:
    """Both at half size if the image is more than 1.6 times as large as the frame: no
    aliasing.
    """
    h, w = labels.shape
    if min(h, w) <= _MAX_REDUCTION * side:
        return image, labels
    size = (w // 2, h // 2)
    small_image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    small_labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(small_image, dtype=np.uint8), np.asarray(small_labels, dtype=np.uint8)
