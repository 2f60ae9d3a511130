"""The frame table of a file: what is shown when, and where decoding can start.

`vseg.video.packet_scan` makes it.  Packets that an edit list discards are not frames; the key
frames among them still start a decode.  Where the container's time stamps cannot address
frames (none, repeated, or guessed as in AVI with B-frames) `by_order` is set: frames are then
counted by decoding from the beginning.  Where they may be in another order than the decoder's,
`doubt` says why, and the decoder is asked.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int64

from vseg.video.packet_order import MAX_REORDER


class KeyPacket(NamedTuple):
    """Where a key frame's packet is: its decoding and display stamps, None where it has none,
    and its byte.
    """

    dts: int | None
    pts: int | None
    byte: int


@dataclass(frozen=True, slots=True)
class PtsIndex:
    """Display time stamps of all frames, and of the key frames, in ticks of `time_base`
    seconds.

    pts: ascending; for `by_order` as decoded and repaired, or counted at the nominal rate
    where there are none.  by_order: why the time stamps do not address frames, or None.
    doubt: why they may not, and the first frame to compare with what the decoder shows.
    discarded: packets hidden by an edit list.  head_dropped: packets before the first key
    frame, which no decoder can show.  stored: the place of every frame in the file, in
    packets; key_places, key_stamps: those of key frames, in the order of the file.  damaged:
    time stamps of frames with lost or torn packets, and of those that refer to them: a decoder
    would patch them with the image before.  lost: the places, from the first key frame on, of
    packets before which others are missing.  key_packets: those of the key frames, in the
    order of the file; for `by_order` empty where they do not match the images.  cut_short: why
    the file ends early, or None.
    """

    pts: Int64[np.ndarray, " T"]
    keyframes: Int64[np.ndarray, " K"]
    damaged: Int64[np.ndarray, " D"]
    stored: Int64[np.ndarray, " T"]
    key_places: Int64[np.ndarray, " P"]
    key_stamps: Int64[np.ndarray, " P"]
    time_base: Fraction
    by_order: str | None = None
    doubt: "Doubt | None" = None
    discarded: int = 0
    head_dropped: int = 0
    lost: tuple[int, ...] = ()
    key_packets: tuple[KeyPacket, ...] = ()
    cut_short: str | None = None

    def __len__(self) -> int:
        return len(self.pts)

    def time_s(self, index: int) -> float:
        """Seconds from the first displayed frame to the frame at `index`."""
        return float((int(self.pts[index]) - int(self.pts[0])) * self.time_base)

    def keyframes_up_to(self, pts: int) -> Int64[np.ndarray, " K"]:
        """Key frame time stamps not after `pts`, ascending."""
        return self.keyframes[: int(np.searchsorted(self.keyframes, pts, side="right"))]

    def spoiled_by(self, index: int) -> Int64[np.ndarray, " S"]:
        """The frames whose images may refer to that of `index`, itself included, ascending.

        These are the ones stored from it to the next key frame, and the images shown before
        that key frame but stored after it (open groups).
        """
        place = int(self.stored[index])
        later = int(np.searchsorted(self.key_places, place, side="right"))
        if later and self.pts[index] < self.key_stamps[later - 1]:
            # It leads a key frame itself: nothing from that key frame on refers to it.
            end = np.append(self.key_places, np.iinfo(np.int64).max)[later]
            reached = (self.stored >= place) & (self.stored < end)
            return np.flatnonzero(reached & (self.pts < self.key_stamps[later - 1]))
        reached = (self.stored == place) | self._spoiled_before(place + 1)
        return np.flatnonzero(reached)

    def spoiled_before(self, place: int) -> Int64[np.ndarray, " S"]:
        """The frames whose images may refer to what was lost before the packet at `place`."""
        return np.asarray(np.flatnonzero(self._spoiled_before(place)), dtype=np.int64)

    def _spoiled_before(self, place: int) -> Bool[np.ndarray, " T"]:
        later = int(np.searchsorted(self.key_places, place, side="left"))
        bounds = np.append(self.key_places, [np.iinfo(np.int64).max] * 2)
        reached = (self.stored >= place) & (self.stored < bounds[later])
        if later < len(self.key_stamps):
            leading = (self.stored > bounds[later]) & (self.stored < bounds[later + 1])
            reached |= leading & (self.pts < self.key_stamps[later])
        return np.asarray(reached, dtype=bool)

    def settled_by(self) -> Int64[np.ndarray, " T"]:
        """For every frame the last one that must be out before all it may refer to is."""
        shown = np.argsort(np.argsort(self.stored))
        order = np.argsort(self.stored)
        latest = np.maximum.accumulate(order)[shown]
        return np.minimum(latest, np.arange(len(self)) + MAX_REORDER)

    def without_head(self, first_pts: int) -> "PtsIndex":
        """This index without what cannot be decoded before `first_pts`, the first that was.

        Only frames that precede the first key frame are dropped (a recording that starts
        between two); a gap beyond it is damage and stays in the table.
        """
        count = int(np.searchsorted(self.pts, first_pts))
        if count == 0 or not len(self.keyframes) or self.pts[count - 1] >= self.keyframes[0]:
            return self
        return replace(
            self, pts=self.pts[count:], stored=self.stored[count:], head_dropped=count
        )


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why the order of the time stamps may not be the decoder's, and from which frame on."""

    reason: str
    frame: int
