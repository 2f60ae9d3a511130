"""A short clip with labels: what the sources make and every augmentation takes and returns.

Square RGB images in order, with one label map each.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from vseg.ops.masks import mask_box

Images = tuple[UInt8[np.ndarray, "S S 3"], ...]

VOID = 255
"""The id of pixels of which nothing is known, as in DAVIS's annotations."""
MIN_SHARE = 0.002
"""An object that covers less of the first image is not followed: 10 x 10 of 224 x 224 pixels,
not quite two by two cells of nano's memory.  A round value; not tuned."""


@dataclass(frozen=True, slots=True)
class Clip:
    """labels: 1, 2, ... are the objects to follow, 0 is everything else."""

    images: Images
    labels: tuple[UInt8[np.ndarray, "S S"], ...]

    @property
    def side(self) -> int:
        """Of the square images, in pixels."""
        return len(self.images[0])

    @property
    def objects(self) -> int:
        """The highest label that the first image shows."""
        return int(self.labels[0].max())


@dataclass(frozen=True, slots=True)
class Extent:
    """The box around a mask: its centre and its size, in pixels."""

    centre: Float64[np.ndarray, " 2"]
    size: Float64[np.ndarray, " 2"]


def extent(mask: Bool[np.ndarray, "H W"]) -> Extent:
    """The mask's box; all zeros for an empty mask."""
    x1, y1, x2, y2 = mask_box(mask)
    size = np.array([x2 - x1, y2 - y1], np.float64)
    return Extent(np.array([x1, y1]) + size / 2, size)


def large_ids(mask: UInt8[np.ndarray, "H W"], share: float) -> list[int]:
    """Ids that cover more than `share` of the label map, ascending; neither background nor
    void.
    """
    areas = np.bincount(mask.ravel(), minlength=256)
    return [k for k in range(1, VOID) if areas[k] > share * mask.size]


def scaled(
    image: UInt8[np.ndarray, "H W 3"], gain: Float32[np.ndarray, "h w 3"]
) -> UInt8[np.ndarray, "H W 3"]:
    """The image times a gain in [0, 2), given on a coarse grid and enlarged; values
    saturate.
    """
    # Fixed point with 128 as 1: bytes multiply several times faster than floats.
    fixed = cv2.convertScaleAbs(gain, alpha=128)
    size = (image.shape[1], image.shape[0])
    full = cv2.resize(fixed, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.multiply(image, full, scale=1 / 128), dtype=np.uint8)
