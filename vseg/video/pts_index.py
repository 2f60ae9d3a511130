"""The frame table of a file, by demuxing alone: what is shown when, and where decoding can
start.

In: an open container.  Out: `PtsIndex`.  No image is decoded (300 packets of 1080p: about 10
ms).  Packets that an edit list discards are not frames; the key frames among them still start
a decode.  Where the container's time stamps cannot address frames (none, repeated, or guessed
as in AVI with B-frames) `by_order` is set: frames are then counted by decoding from the
beginning.  Where they may be in another order than the decoder's, `doubt` says why, and the
decoder is asked.
"""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from av.error import FFmpegError
from jaxtyping import Bool, Int64

from vseg.video.container import OpenFile, VideoPacket, reason_of
from vseg.video.lost_references import LostReferences
from vseg.video.packet_order import MAX_REORDER, first_disorder, late_packets
from vseg.video.sniff import Sniffed

JOINED = "the time stamps jump back: recordings were joined"
VP8_SHOW_FRAME = 0x10  # RFC 6386 §9.1: a packet without this bit only updates a reference


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


@dataclass(slots=True)
class _Packets:
    """What one pass over the packets collected."""

    shown: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    key_places: list[int] = field(default_factory=list)
    key_stamps: list[int] = field(default_factory=list)
    corrupt: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    key_packets: list[KeyPacket] = field(default_factory=list)
    unshifted_key: int | None = None
    count: int = 0
    untimed: int = 0
    discarded: int = 0
    reordered: bool = False
    last_dts: int | None = None
    failure: str | None = None

    def add(self, packet: VideoPacket, pts: int) -> None:
        """Enter one packet, in the order of the file."""
        place = self.count
        self.count += 1
        if packet.is_keyframe:
            self.key_places.append(place)
            self.key_stamps.append(pts)
            if packet.dts == pts and self.unshifted_key is None:
                self.unshifted_key = len(self.shown)
        if packet.dts is not None:
            self.last_dts = packet.dts
            self.reordered |= packet.dts != pts
        if packet.is_discard:
            self.discarded += 1
            return
        if packet.is_corrupt:
            self.corrupt.append(len(self.shown))
        self.shown.append(pts)
        self.places.append(place)


def scan_packets(opened: OpenFile, sniffed: Sniffed) -> PtsIndex:
    """The index of a freshly opened file; `by_order` leaves pts empty: see
    `FrameDecoder.count`.
    """
    seen = _collect(opened)
    cut_short = sniffed.torn or seen.failure
    shown = np.asarray(seen.shown, dtype=np.int64)
    pts, first_with = np.unique(shown, return_index=True)
    by_order = _unaddressed(seen, sniffed, len(shown) - len(pts))
    if cut_short and seen.last_dts is not None:
        pts = _without_gaps(pts, seen.last_dts)
    if by_order:
        pts = pts[:0]
    first_key = seen.key_places[0] if seen.key_places else 0
    index = PtsIndex(
        pts=pts,
        keyframes=np.unique(np.asarray(seen.key_stamps, dtype=np.int64)),
        damaged=pts[:0],
        stored=np.asarray(seen.places, dtype=np.int64)[first_with[: len(pts)]],
        key_places=np.asarray(seen.key_places, dtype=np.int64),
        key_stamps=np.asarray(seen.key_stamps, dtype=np.int64),
        time_base=opened.time_base,
        by_order=by_order,
        doubt=None if by_order else _doubt(opened, seen),
        discarded=seen.discarded,
        lost=tuple(place - first_key for place in seen.lost if place >= first_key),
        key_packets=tuple(seen.key_packets),
        cut_short=cut_short,
    )
    torn = seen.corrupt
    if sniffed.torn and sniffed.kind == "mpegts":
        # Other demuxers mark the packet in which the file ends, or leave it out.  What is
        # shown after it has lost its neighbours.
        torn = [*torn, *np.flatnonzero(shown >= shown[-1:]).tolist()]
    return replace(index, damaged=_spoiled_stamps(index, shown[torn]))


def _spoiled_stamps(
    index: PtsIndex, corrupt: Int64[np.ndarray, " C"]
) -> Int64[np.ndarray, " D"]:
    """The time stamps of frames with a corrupt packet, of those after a lost one, and of those
    that may refer to them.
    """
    known = np.searchsorted(index.pts, corrupt[np.isin(corrupt, index.pts)])
    spoiled = [index.spoiled_by(int(frame)) for frame in known]
    start = int(index.key_places[0]) if len(index.key_places) else 0
    spoiled += [index.spoiled_before(start + place) for place in index.lost]
    return index.pts[np.unique(np.concatenate([*spoiled, known[:0]]).astype(np.int64))]


def _unaddressed(seen: _Packets, sniffed: Sniffed, repeated: int) -> str | None:
    """Why the time stamps of these packets cannot address frames, or None."""
    if seen.untimed:
        total = seen.untimed + seen.count
        return f"{seen.untimed} of {total} packets have no time stamp"
    if repeated and late_packets(np.asarray(seen.shown)).any():
        return JOINED
    if repeated:
        return f"{repeated} time stamps are repeated"
    if sniffed.kind == "avi" and seen.reordered:
        return "AVI stores no time stamps"
    return None


def _doubt(opened: OpenFile, seen: _Packets) -> Doubt | None:
    """Whether the time stamps may be in another order than the decoder's, by signs that whole
    files rarely show: only those are decoded to be sure.
    """
    shown = np.asarray(seen.shown, dtype=np.int64)
    depth = opened.stream.codec_context.reorder_depth
    is_key = np.isin(seen.places, seen.key_places)
    disorder = first_disorder(shown, is_key, depth)
    if disorder is not None:
        joined = late_packets(shown).any()
        return Doubt(JOINED if joined else "the time stamps are in disorder", disorder)
    reorders = depth > 0
    ascends = not (np.diff(shown) < 0).any()
    if reorders and ascends and len(shown) > 1:
        return Doubt("the time stamps follow the order of storage, not of display", 0)
    # Where images are held back, a key frame is decoded before it is shown.
    if reorders and seen.unshifted_key is not None:
        return Doubt(
            "the time stamps follow the order of storage, not of display", seen.unshifted_key
        )
    return None


def _collect(opened: OpenFile) -> _Packets:
    seen = _Packets()
    codec = opened.stream.codec_context
    is_vp8 = codec.name == "vp8"
    references = LostReferences(codec.extradata or b"") if codec.name == "h264" else None
    try:
        for packet in opened.container.demux(opened.stream):
            if packet.size == 0 or (is_vp8 and not bytes(packet)[0] & VP8_SHOW_FRAME):
                continue
            if references and references.before(memoryview(packet)):
                seen.lost.append(seen.count + seen.untimed)
            if packet.is_keyframe:
                seen.key_packets.append(KeyPacket(packet.dts, packet.pts, packet.pos or 0))
            if packet.pts is None:
                seen.untimed += 1
                continue
            seen.add(packet, packet.pts)
    except FFmpegError as error:
        seen.failure = reason_of(error)
    return seen


def _without_gaps(pts: Int64[np.ndarray, " T"], last_dts: int) -> Int64[np.ndarray, " kept"]:
    """The frames of a cut file that no lost frame can precede.

    A frame is stored before those shown earlier that refer to it, so the cut may have taken
    the latter.  All that is lost would be decoded, hence shown, after `last_dts`; frames shown
    later than that are kept only as long as they follow each other at the smallest step of the
    clip.
    """
    sure = int(np.searchsorted(pts, last_dts, side="right"))
    if sure < 2:
        return pts[:sure]
    steps = np.diff(pts)
    wide = np.flatnonzero(steps[sure - 1 :] > 1.5 * steps[: sure - 1].min(initial=steps.max()))
    return pts[: sure + int(wide[0])] if len(wide) else pts
