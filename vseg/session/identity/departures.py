"""Which objects left the frame through its border, and what may come back as one of them.

Enters: the masks, embeddings and colours of a frame.  Leaves: which rows are not what they
were.  A network that compares pixels takes the next car for the one that has just left; so an
object that shrinks to nothing at the border has left, and what its mask is drawn on after that
is another one, unless its embedding and its colours are those of the object, and of no other
one that is known.  One that should be mostly out by now, as it moved in full view, has
left too where its mask comes in again: it met what enters.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from vseg.ops.masks import mask_box
from vseg.ops.shrunk import shrunk
from vseg.session.identity.constant_velocity import (
    ConstantVelocity,
    MovingBox,
    length_in_view,
)

Cells = Bool[np.ndarray, "h w"]
Colours = Float32[np.ndarray, " bins"]
"""The square roots of the shares of an object's colours, so that the product of two is their
Bhattacharyya coefficient.
"""

# At the border, an object with less than this share of its usual area is leaving; with less
# than the second it is all but gone, and what then has so many times the fewest cells enters.
# What crosses the border in more than three frames passes through them.  Round values; not
# tuned.
_LEAVING = 0.5
_GONE = 0.25
_GROWN = 2.0

# An object that the border cuts off is leaving, too, where it moves there and so much of its
# length is out, or should be. Where half of it should be, it has turned, or its mask is on
# what enters, if that reaches so much of the length farther into the frame than it did. Round
# values; not tuned.
_OUTSIDE = 0.1
_MOSTLY_OUTSIDE = 0.5
_FARTHER = 1 / 3

# After a jump over more frames than this, as where a clip is tracked again from an earlier
# frame, nothing of this holds any more.  A round value.
_JUMP = 10

# How fast the usual area follows that of a frame, and the colours, slower, for a mask may be
# wrong for some frames.  Round values; not tuned.
_AREA_RATE = 0.2
_COLOURS_RATE = 0.05

# The cells at the left, top, right and bottom border.
_ENDS = ((slice(None), 0), (0, slice(None)), (slice(None), -1), (-1, slice(None)))

_BINS = (6, 8, 8)  # of L, a and b


@dataclass(frozen=True, slots=True)
class Departure:
    """How an object stands to the border of the frame.

    usual: its cells in full view, 0 before it was visible.  colours: those it has in full
    view.  least: the fewest cells since it was all but gone, 0 while it is not.  leaving: it
    was, when it was visible last.  inside: it was in full view once.  left: it is gone.
    frame_index: the last frame.  shortest: how far it reached into the frame, in cells, where
    it reached least far since it was in full view; 0 while it is.  motion: in full view.
    """

    usual: float = 0.0
    colours: Colours | None = None
    least: int = 0
    leaving: bool = False
    inside: bool = False
    left: bool = False
    frame_index: int = 0
    shortest: float = 0.0
    motion: ConstantVelocity | None = None

    def on(self, frame_index: int) -> "Departure":
        """The same on a frame: as if it had not left, where the frame is far from the last."""
        if abs(frame_index - self.frame_index) <= _JUMP:
            return replace(self, frame_index=frame_index)
        return replace(self.anew(), frame_index=frame_index)

    def anew(self) -> "Departure":
        """What is known of it wherever it is: as if it had not left."""
        return replace(self, least=0, leaving=False, left=False, motion=None, shortest=0.0)

    def returns(self, mask: Cells) -> bool:
        """Whether this is the mask of what left, or was all but gone and now grows or lies off
        the border: it must be recognised.
        """
        if self.left:
            return True
        if not self.least:
            return False
        most = max(_GROWN * self.least, _GONE * self.usual)
        return not _at_border(mask) or int(np.count_nonzero(mask)) > most

    def gone(self) -> "Departure":
        """After a frame on which something else than it had its mask."""
        return replace(self, least=0, leaving=False, left=True, motion=None, shortest=0.0)

    def turned(self, mask: Cells) -> bool:
        """Whether the mask comes in again where most of the object should be out by now."""
        if self.motion is None or not self.shortest:
            return False
        side, outside = self.motion.outside(self.frame_index, mask.shape)
        if outside < _MOSTLY_OUTSIDE:
            return False
        reached = length_in_view(_moving_box(mask), side, mask.shape)
        return reached > self.shortest + _FARTHER * self._length(side)

    def in_question(self, mask: Cells) -> bool:
        """Whether this may be the mask of something else, as the object left or may do so."""
        return self.returns(mask) or self.cut_off(mask) or self.turned(mask)

    def cut_off(self, mask: Cells) -> bool:
        """Whether the border cuts off what was in full view once, so that it may be going."""
        return self.inside and _at_border(mask)

    def whole(self, mask: Cells) -> bool:
        """Whether enough of it is in view to be recognised: all of it, or half as much as
        ever was.  What the border cuts off has another embedding.
        """
        if self.inside:
            return not _at_border(mask)
        # Who is always cut off may have been hidden, not gone, and be partly so still.
        return bool(np.count_nonzero(mask) >= _LEAVING * self.usual)

    def absent(self) -> "Departure":
        """After a frame on which it was not visible."""
        return self.gone() if self.leaving else self

    def visible(self, mask: Cells, colours: Colours) -> "Departure":
        """After a frame on which it had this mask and these colours."""
        cells = int(np.count_nonzero(mask))
        if not _at_border(mask):
            if self.leaving and cells < _LEAVING * self.usual:
                return self  # the rest of it, on something else or hidden: nothing to learn
            usual = (
                self.usual + _AREA_RATE * (cells - self.usual) if self.usual else float(cells)
            )
            colours = _mixed(self.colours, colours)
            motion = ConstantVelocity.after(self.motion, _moving_box(mask), self.frame_index)
            return replace(
                self.anew(), usual=usual, colours=colours, inside=True, motion=motion
            )
        usual = max(self.usual, float(cells))
        least = 0
        if cells < _LEAVING * usual and (self.least or cells < _GONE * usual):
            least = min(self.least or cells, cells)
        known = colours if self.colours is None else self.colours
        outside, shortest = self._outside(mask)
        return replace(
            self,
            usual=usual,
            colours=known,
            least=least,
            leaving=cells < _LEAVING * usual or outside >= _OUTSIDE,
            left=False,
            shortest=shortest,
        )

    def _outside(self, mask: Cells) -> tuple[float, float]:
        """Which share of its length is out, as it moved or as it looks, and `shortest`."""
        if self.motion is None:
            return 0.0, 0.0
        side, outside = self.motion.outside(self.frame_index, mask.shape)
        reached = length_in_view(_moving_box(mask), side, mask.shape)
        shortest = min(self.shortest or reached, reached)
        if mask[_ENDS[side]].any():
            outside = max(outside, 1 - reached / self._length(side))
        return outside, shortest

    def _length(self, side: int) -> float:
        """From the border to the opposite one, in full view."""
        assert self.motion is not None
        box = self.motion.box
        return float(box[2 + side % 2] - box[side % 2])


class FrameColours:
    """The colours of one frame, as fine as its masks."""

    def __init__(self, image: UInt8[np.ndarray, "H W 3"], map_hw: Sequence[int]) -> None:
        self._image = image
        self._map_hw = map_hw

    @cached_property
    def _bins(self) -> Int64[np.ndarray, "h w"]:
        h, w = self._map_hw
        lab = cv2.cvtColor(shrunk(self._image, h, w), cv2.COLOR_RGB2LAB).astype(np.int64)
        levels = tuple(lab[..., k] * bins // 256 for k, bins in enumerate(_BINS))
        return np.asarray(np.ravel_multi_index(levels, _BINS))

    def of(self, mask: Cells) -> Colours:
        """Those under a mask."""
        counts = np.bincount(self._bins[mask], minlength=int(np.prod(_BINS)))
        shares = counts / max(1, counts.sum())
        colours: Colours = np.sqrt(shares).astype(np.float32)
        return colours


def _moving_box(mask: Cells) -> MovingBox:
    return np.array(mask_box(mask), dtype=np.float64)


def _at_border(mask: Cells) -> bool:
    return any(mask[end].any() for end in _ENDS)


def _mixed(before: Colours | None, now: Colours) -> Colours:
    if before is None:
        return now
    mixed = (1 - _COLOURS_RATE) * before**2 + _COLOURS_RATE * now**2
    return np.asarray(np.sqrt(mixed), dtype=np.float32)
