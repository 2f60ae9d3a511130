"""Where a small object is expected, and how large: what decides the crop that it is tracked
in.

Enters: its mask on every frame.  Leaves: the view of the next.  The crop moves as the object
did, so that what matching has to follow is the change of its motion alone.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from vseg.session.crops.view import CropView, Number
from vseg.types import MaskCrop

PixelBox = tuple[Number, Number, Number, Number]
"""x1 y1 x2 y2 in video pixels, right and bottom exclusive."""

# An object is measured by twice the side of a square of its area where that is less than the
# longer side of its box, but by no less than that side over this: its crop must hold all of
# it.  A round value, not tuned.
_MOST_SLENDER = 1.5

CROP_SIDE = 128
"""Pixels of a crop's side as encoded.  On 24 made-up objects over 30 frames (6 to 16 pixels in
480p; 17 to 32 in 480p; 17 to 37 in 1080p), where J is 0, 28 and 0 in the whole frame, it is
57, 81 and 81 in crops of 128 pixels that show 3 times the object's size, and 58, 66 and 79
with 4 times; in 96 pixels 55, 72 and 73 with 3 times; in 160 pixels 53, 72 and 82 with 3
times, 58, 62 and 81 with 4.
"""
AROUND = 3.0
"""Side of a crop, in sizes of the object; see `CROP_SIDE`."""

# A crop keeps its scale while the size of the object takes this share of it: from half
# to almost twice what it begins with.  Round values; not tuned.
_LEAST_SHARE = 0.18
_MOST_SHARE = 0.55

# Frames over which the motion of an object that is not seen is extrapolated; then it is
# expected to wait.  Not tuned.
_EXTRAPOLATED = 3


@dataclass(frozen=True, slots=True)
class ObjectExtent:
    """What an object takes of a frame, in video pixels.  area: of its mask, None where only
    its box is known.
    """

    box: PixelBox
    area: int | None = None

    @staticmethod
    def of(mask: MaskCrop) -> "ObjectExtent":
        """Of a mask that is not empty."""
        return ObjectExtent(mask.xyxy, mask.area)

    @property
    def longer_side(self) -> Number:
        """Of the box."""
        x1, y1, x2, y2 = self.box
        return max(x2 - x1, y2 - y1)

    @property
    def size(self) -> Number:
        """What decides whether it is small: the longer side of its box, but for one of which
        thin arms make the box large.  They would be lost in the whole frame, and with a crop
        of their size the body too.
        """
        longer = self.longer_side
        if self.area is None:
            return longer
        return max(min(longer, 2 * math.sqrt(self.area)), longer / _MOST_SLENDER)


@dataclass(frozen=True, slots=True)
class CropPlace:
    """A small object on the frame on which it was seen last.

    x, y: the centre of its box in video pixels.  vx, vy: pixels per frame.  size: see
    `ObjectExtent`.  side: of its crop.  absent: decoded frames since then.
    """

    frame_index: int
    x: Number
    y: Number
    size: Number
    side: int
    vx: Number = 0.0
    vy: Number = 0.0
    absent: int = 0

    @staticmethod
    def of(frame_index: int, extent: ObjectExtent) -> "CropPlace":
        """Of an object that gets a crop of its own; it seems to stand."""
        x1, y1, x2, y2 = extent.box
        view = CropView.around((x1 + x2) / 2, (y1 + y2) / 2, AROUND * extent.size)
        return CropPlace(frame_index, (x1 + x2) / 2, (y1 + y2) / 2, extent.size, view.width)

    def view(self, frame_index: int, wider: int = 1) -> CropView:
        """What the object's crop shows on a frame; wider: in how many times its side."""
        frames = frame_index - self.frame_index
        frames = max(-_EXTRAPOLATED, min(_EXTRAPOLATED, frames))
        x = self.x + frames * self.vx
        y = self.y + frames * self.vy
        return CropView.around(x, y, wider * self.side)

    def seen(self, frame_index: int, extent: ObjectExtent) -> "CropPlace":
        """After a frame on which it takes this; the scale of the crop is kept."""
        now = replace(CropPlace.of(frame_index, extent), side=self.side)
        frames = frame_index - self.frame_index
        if not frames:
            return replace(now, vx=self.vx, vy=self.vy)
        return replace(now, vx=(now.x - self.x) / frames, vy=(now.y - self.y) / frames)

    def rescaled(self) -> "CropPlace":
        """With the crop that its size asks for now."""
        return replace(self, side=CropView.around(0, 0, AROUND * self.size).width)

    def unseen(self) -> "CropPlace":
        """After a frame on which it was not visible."""
        return replace(self, absent=self.absent + 1)

    @property
    def centre(self) -> Float32[np.ndarray, "2"]:
        """As a point."""
        return np.array([self.x - 0.5, self.y - 0.5], dtype=np.float32)

    @property
    def fits(self) -> bool:
        """Whether the object is neither too small nor too large for the scale of its crop."""
        share = self.size / self.side
        smaller = self.rescaled().side < self.side  # the smallest crop cannot get smaller
        return share <= _MOST_SHARE and (share >= _LEAST_SHARE or not smaller)
