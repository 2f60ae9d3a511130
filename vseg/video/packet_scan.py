"""The frame table of a file by demuxing alone.

In: an open container.  Out: `PtsIndex`.  No image is decoded (300 packets of 1080p: about 10
ms).
"""

from dataclasses import dataclass, field, replace

import numpy as np
from av.error import FFmpegError
from jaxtyping import Int64

from vseg.video.container import OpenFile, VideoPacket, reason_of
from vseg.video.lost_references import LostReferences
from vseg.video.packet_order import first_disorder, late_packets
from vseg.video.pts_index import Doubt, KeyPacket, PtsIndex
from vseg.video.sniff import Sniffed

_JOINED = "the time stamps jump back: recordings were joined"
_VP8_SHOW_FRAME = 0x10  # RFC 6386 §9.1: a packet without this bit only updates a reference


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
        return _JOINED
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
        return Doubt(_JOINED if joined else "the time stamps are in disorder", disorder)
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
            if packet.size == 0 or (is_vp8 and not bytes(packet)[0] & _VP8_SHOW_FRAME):
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
