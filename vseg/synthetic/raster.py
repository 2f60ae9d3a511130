"""Polygons in; a patch with the share of each pixel that they cover out."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64, UInt8

from vseg.synthetic.shape import Polygon

Coverage = UInt8[np.ndarray, "h w"]

# Sub-pixels per pixel and side; 16 shares of a pixel are finer than what 8-bit video keeps.
SUB = 4
# cv2.fillPoly takes fixed-point coordinates with this many fractional bits.
FRACTION_BITS = 6


@dataclass(frozen=True, slots=True)
class PixelBox:
    """A patch of the frame's plane in whole pixels, right and bottom exclusive."""

    x1: int
    y1: int
    x2: int
    y2: int

    def grown(self, margin: int) -> "PixelBox":
        """This window with `margin` more pixels on all sides."""
        return PixelBox(self.x1 - margin, self.y1 - margin, self.x2 + margin, self.y2 + margin)

    def clip(self, height: int, width: int, margin: int) -> "PixelBox":
        """Its part within the frame, or within `margin` pixels around the frame."""
        return PixelBox(
            max(self.x1, -margin),
            max(self.y1, -margin),
            min(self.x2, width + margin),
            min(self.y2, height + margin),
        )

    @property
    def empty(self) -> bool:
        """Whether no pixel is left."""
        return self.x2 <= self.x1 or self.y2 <= self.y1

    def inside(self, outer: "PixelBox") -> tuple[slice, slice]:
        """Where this window lies in the array of the `outer` one."""
        return (
            slice(self.y1 - outer.y1, self.y2 - outer.y1),
            slice(self.x1 - outer.x1, self.x2 - outer.x1),
        )


def bounds(polygons: list[Polygon], margin: int) -> PixelBox:
    """The smallest window with all corners inside, grown by `margin` pixels."""
    corners = np.concatenate(polygons)
    x1, y1 = np.floor(corners.min(axis=0)).astype(int) - margin
    x2, y2 = np.ceil(corners.max(axis=0)).astype(int) + margin + 1
    return PixelBox(int(x1), int(y1), int(x2), int(y2))


def coverage(
    solid: list[Polygon], hole: float, centre: Float64[np.ndarray, " 2"], patch: PixelBox
) -> Coverage:
    """The share of every pixel that the shape covers, 0 to 255, in frame coordinates.

    The shape is the union of the `solid` polygons without a hole: the first polygon, shrunk
    towards `centre` to the share `hole` of its size (0 for none).
    """
    height = patch.y2 - patch.y1
    width = patch.x2 - patch.x1
    fine = np.zeros((height * SUB, width * SUB), np.uint8)
    corner = np.array([patch.x1, patch.y1], dtype=np.float64)

    def fill(polygon: Polygon, level: int) -> None:
        # The centre of pixel 0 is at 0, of its first sub-pixel at -3/8: hence the half pixels.
        placed = _inset((polygon - corner + 0.5) * SUB - 0.5, 0.5)
        fixed = np.rint(placed * (1 << FRACTION_BITS)).astype(np.int32)
        cv2.fillPoly(fine, [fixed], level, shift=FRACTION_BITS)

    for polygon in solid:
        fill(polygon, 255)
    if hole > 0:
        fill(centre + hole * (solid[0] - centre), 0)
    return np.asarray(cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA))


def _inset(polygon: Polygon, depth: float) -> Polygon:
    """The polygon drawn in by `depth`: cv2.fillPoly also paints what its outline touches.

    That is half a sub-pixel too much all around; left in, masks are an eighth of a pixel too
    wide.
    """
    ahead = np.roll(polygon, -1, axis=0)
    behind = np.roll(polygon, 1, axis=0)
    tangent = ahead - behind
    turned = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    length = np.maximum(np.hypot(tangent[:, 0], tangent[:, 1]), 1e-9)
    twice_area = float(np.sum(polygon[:, 0] * ahead[:, 1] - polygon[:, 1] * ahead[:, 0]))
    return np.asarray(polygon + math.copysign(depth, twice_area) * turned / length[:, None])
