"""Masks as polygons along the edges of their pixels.

Enters: a mask.  Leaves: rings of corners that `rasterise` turns into the same mask again, or
simpler ones that keep close to them.  Corners are whole pixels from the top left of the mask:
the first pixel reaches from 0 to 1.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float64, Int64

from vseg.ops.polygon import rasterise
from vseg.types import MaskCrop

Ring = Float64[np.ndarray, "_ 2"]

SIMPLE = 1.0
"""Pixels that a simplified outline may stray: any straight line, drawn in pixels, is one line
again, and each corner of the stairs is nearer to it than this.
"""


def outlines(mask: Bool[np.ndarray, "h w"]) -> list[tuple[Ring, bool]]:
    """The rings of a mask, each with whether it goes around a hole.

    Pixels that touch at a corner are one piece.
    """
    # Twice as large, the border pixels of the two sides of a corner are distinct, and a border
    # pixel at 2x or 2x - 1 lies at the pixel edge x.
    large = np.repeat(np.repeat(mask.astype(np.uint8), 2, axis=0), 2, axis=1)
    found, hierarchy = cv2.findContours(large, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    rings = []
    for contour, (_, _, _, parent) in zip(found, hierarchy[0] if found else (), strict=True):
        corners = _turns((contour[:, 0].astype(np.int64) + 1) >> 1)
        rings.append((corners.astype(np.float64), bool(parent >= 0)))
    return rings


def polygons_of(crop: MaskCrop, tolerance: float = 0.0) -> list[Ring]:
    """The outer rings of a mask in pixels of the frame, the largest first.

    Holes are left out.  tolerance: how far a ring may stray to have fewer corners.
    """
    rings = [ring for ring, hole in outlines(crop.mask) if not hole]
    if tolerance:
        rings = [_simplified(ring, tolerance) for ring in rings]
    rings.sort(key=lambda ring: -abs(area_of(ring)))
    return [ring + np.array([crop.x, crop.y], dtype=np.float64) for ring in rings]


def mask_of_rings(rings: list[Ring], height: int, width: int) -> MaskCrop:
    """The union of polygons; what lies outside of height x width is cut off."""
    if not rings:
        return MaskCrop.empty()
    corners = np.concatenate(rings)
    left, top = np.clip(np.floor(corners.min(axis=0)), 0, [width, height]).astype(int).tolist()
    right, bottom = (
        np.clip(np.ceil(corners.max(axis=0)), 0, [width, height]).astype(int).tolist()
    )
    inside = np.zeros((bottom - top, right - left), dtype=bool)
    for ring in rings:
        inside |= rasterise(ring - np.array([left, top], dtype=np.float64), *inside.shape)
    crop = MaskCrop.of(inside)
    return MaskCrop(crop.x + left, crop.y + top, crop.mask) if crop.area else crop


def area_of(ring: Ring) -> float:
    """The signed area of a polygon, in pixels."""
    x, y = ring.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _turns(corners: Int64[np.ndarray, "N 2"]) -> Int64[np.ndarray, "M 2"]:
    """The corners at which a ring along pixel edges changes its direction."""
    steps = corners - np.roll(corners, 1, axis=0)
    corners = corners[steps.any(axis=1)]
    before = np.sign(corners - np.roll(corners, 1, axis=0))
    after = np.roll(before, -1, axis=0)
    return np.asarray(corners[(before != after).any(axis=1)])


def _simplified(ring: Ring, tolerance: float) -> Ring:
    """Fewer corners by Douglas and Peucker's rule; the ring itself where nothing would be left
    of a small one.
    """
    fewer = cv2.approxPolyDP(ring[:, None].astype(np.float32), tolerance, closed=True)[:, 0]
    enough = len(fewer) >= 3 and abs(area_of(fewer.astype(np.float64))) >= 1
    return fewer.astype(np.float64) if enough else ring
