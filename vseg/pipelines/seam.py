"""Where a track from a correction gives way to the masks that were there before.

Enters: frame by frame, how well the new mask and the stored one agree, and the predicted
quality of both.  Leaves: the seam: the new masks count up to it, the stored ones beyond.
The doubt of a mask is a power of what its quality lacks to 1; what is doubted less counts.
Nothing is faded or mixed: between two outlines there is a third that is neither.

The values were chosen by 176 passes, recorded to their ends, of corrections by masks and by
clicks in random scenes, scenes of the identity suite and training clips with an object pasted
before another.  J is summed over the frames that count: 172 before these values, 209 with
them.
"""

import math
from collections import deque
from typing import NamedTuple

from vseg.ops.masks import crop_agreement
from vseg.types import MaskCrop

TOLERANCE = 0.03
"""How far the outlines of two masks that agree may be apart: a share of the square root of
the smaller area.  J rose by 206 with 0.05, and by 206 with the plain IoU, where 27 more frames
were made worse."""
TOLERANCE_PX = 1.0
"""That far they may be apart however small the masks are, which differ by a pixel of
outline."""
AGREED = 0.95
AGREED_FRAMES = 4
"""Two tracks are one again where their masks agree so well on so many frames in a row: tracks
that cross agree on one or two.  J rose by 205 to 209 with an agreement of 0.9 to 0.98; by 209
on 3 frames in a row, by 192 on 5, of which one scene is most."""
AGREED_MOST = 0.98
"""What is asked at most, however small the correction was: new masks that change nothing need
not be the same to the pixel."""
PREFERRED = 0.3
"""By how much the stored masks must be doubted less, on a frame, for a correction that changed
everything to give way to masks that have nothing in common with its own; in proportion, by
less after one that changed less, and where the masks agree.  J rose by 195, 204 and 206 with
0.2, 0.4 and 0.5; from 0.4 on more frames were made worse.  Without the proportion to how the
masks agree a track that takes a hand along with its object was kept as long as a right one."""

SHARPNESS = 3
"""The power.  J rose by 192 without one, by 195 with the square, 203 with the fourth: few
frames of much doubt say more than many of a little."""


def agreement(one: MaskCrop, other: MaskCrop) -> float:
    """How well two masks of one object agree, in [0, 1]: their IoU, where outlines that are
    near each other are the same.
    """
    size = math.sqrt(min(one.area, other.area))
    return crop_agreement(one, other, max(TOLERANCE_PX, TOLERANCE * size))


class _Doubts(NamedTuple):
    """Of one frame.  preferred: what the stored mask must be doubted less to count."""

    frame: int
    new: float
    stored: float
    preferred: float


class Seam:
    """The best place to join two tracks, so far."""

    def __init__(self, corrected: float, start: int) -> None:
        """corrected: how well the masks before and after agree on the corrected frame,
        `start`.
        """
        self._corrected = corrected
        self._start = start
        self._latest: deque[float] = deque(maxlen=AGREED_FRAMES)
        self._doubts: list[_Doubts] = []

    @property
    def needed(self) -> float:
        """The agreement from which on the tracks are one: a small correction has not faded
        before the masks agree better than half of what it changed.
        """
        half = 1 - (1 - self._corrected) / 2
        return min(max(AGREED, half), AGREED_MOST)

    def add(self, frame: int, agreed: float, new: float, stored: float) -> bool:
        """Take one frame: how well the new and the stored mask agree, and their predicted
        qualities; whether the tracks have become one.
        """
        self._latest.append(agreed)
        preferred = PREFERRED * (1 - self._corrected) * (1 - agreed)
        doubts = (1 - new) ** SHARPNESS, (1 - stored) ** SHARPNESS
        self._doubts.append(_Doubts(frame, *doubts, preferred))
        if len(self._latest) < AGREED_FRAMES or min(self._latest) < self.needed:
            return False
        # Behind the one on which they agree best, what is stored stays.
        behind = AGREED_FRAMES - 1 - self._latest.index(max(self._latest))
        self._doubts = self._doubts[: len(self._doubts) - behind]
        return True

    @property
    def joined(self) -> int:
        """The seam, once the tracks are one: the masks that count are doubted least in all.
        The corrected frame if no other mask counts.
        """
        seam = self._start
        better = best = 0.0
        for each in self._doubts:
            better += each.stored - each.new + each.preferred
            if better >= best:
                best = better
                seam = each.frame
        return seam

    @property
    def apart(self) -> int:
        """The seam between two anchors where they have not become one: up to it the new track
        has gathered less doubt since its anchor than the stored one since the other.

        Neither recovers from going astray, so what lies behind that is doubted as well.
        """
        seam = self._start
        behind = 0.0
        ahead = sum(each.stored for each in self._doubts)
        for each in self._doubts:
            behind += each.new
            if behind > ahead:
                break
            ahead -= each.stored
            seam = each.frame
        return seam
