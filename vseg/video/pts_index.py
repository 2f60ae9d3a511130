"""The frame table of a file, by demuxing alone: what is shown when, and where decoding can
start.

In: an open container.  Out: `PtsIndex`.  No image is decoded (300 packets of 1080p: about 10
ms).  Packets that an edit list discards are not frames; the key frames among them still start
a decode.  Where the container's time stamps cannot address frames (none, repeated, or guessed
as in AVI with B-frames) `by_order` is set: frames are then counted by decoding from the
beginning.
"""

from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
from av.error import FFmpegError
from jaxtyping import Int64

from vseg.video.container import OpenFile, VideoPacket, reason_of
from vseg.video.sniff import Sniffed

VP8_SHOW_FRAME = 0x10  # RFC 6386 §9.1: a packet without this bit only updates a reference


@dataclass(frozen=True, slots=True)
class PtsIndex:
    """Display time stamps of all frames, and of the key frames, in ticks of `time_base`
    seconds.

    pts: ascending; for `by_order` as decoded, or counted at the nominal rate where there are
    none.  by_order: the time stamps do not address frames.  discarded: packets hidden by an
    edit list.  head_dropped: packets before the first key frame, which no decoder can show.
    damaged: time stamps of frames with lost or torn packets, up to the next key frame: a
    decoder would patch them with the image before.  cut_short: why the file ends early, or
    None.
    """

    pts: Int64[np.ndarray, " T"]
    keyframes: Int64[np.ndarray, " K"]
    damaged: Int64[np.ndarray, " D"]
    time_base: Fraction
    by_order: bool = False
    discarded: int = 0
    head_dropped: int = 0
    cut_short: str | None = None

    def __len__(self) -> int:
        return len(self.pts)

    def time_s(self, index: int) -> float:
        """Seconds from the first displayed frame to the frame at `index`."""
        return float((int(self.pts[index]) - int(self.pts[0])) * self.time_base)

    def keyframes_up_to(self, pts: int) -> Int64[np.ndarray, " K"]:
        """Key frame time stamps not after `pts`, ascending."""
        return self.keyframes[: int(np.searchsorted(self.keyframes, pts, side="right"))]

    def without_head(self, first_pts: int) -> "PtsIndex":
        """This index without what cannot be decoded before `first_pts`, the first that was.

        Only frames that precede the first key frame are dropped (a recording that starts
        between two); a gap beyond it is damage and stays in the table.
        """
        count = int(np.searchsorted(self.pts, first_pts))
        if count == 0 or not len(self.keyframes) or self.pts[count - 1] >= self.keyframes[0]:
            return self
        return replace(self, pts=self.pts[count:], head_dropped=count)


@dataclass(slots=True)
class _Packets:
    """What one pass over the packets collected."""

    shown: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    untimed: int = 0
    discarded: int = 0
    reordered: bool = False
    tainted: bool = False
    last_dts: int | None = None
    failure: str | None = None

    def add(self, packet: VideoPacket, pts: int) -> None:
        """Enter one packet, in the order of the file."""
        if packet.is_keyframe:
            self.keys.append(pts)
        self.tainted = packet.is_corrupt or (self.tainted and not packet.is_keyframe)
        if packet.dts is not None:
            self.last_dts = packet.dts
            self.reordered |= packet.dts != pts
        if packet.is_discard:
            self.discarded += 1
            return
        self.shown.append(pts)
        if self.tainted:
            self.damaged.append(pts)


def scan_packets(opened: OpenFile, sniffed: Sniffed) -> PtsIndex:
    """The index of a freshly opened file; `by_order` leaves pts to `FrameDecoder.count`."""
    seen = _collect(opened)
    cut_short = sniffed.torn or seen.failure
    if sniffed.torn and sniffed.kind == "mpegts":
        # Other demuxers mark the packet in which the file ends, or leave it out.
        seen.damaged.extend(seen.shown[-1:])
    pts = np.unique(np.asarray(seen.shown, dtype=np.int64))
    guessed = sniffed.kind == "avi" and seen.reordered
    by_order = guessed or seen.untimed > 0 or len(pts) != len(seen.shown)
    if cut_short and seen.last_dts is not None:
        pts = _without_gaps(pts, seen.last_dts)
    return PtsIndex(
        pts=pts[:0] if by_order else pts,
        keyframes=np.unique(np.asarray(seen.keys, dtype=np.int64)),
        damaged=np.unique(np.asarray(seen.damaged, dtype=np.int64)),
        time_base=opened.time_base,
        by_order=by_order,
        discarded=seen.discarded,
        cut_short=cut_short,
    )


def _collect(opened: OpenFile) -> _Packets:
    seen = _Packets()
    is_vp8 = opened.stream.codec_context.name == "vp8"
    try:
        for packet in opened.container.demux(opened.stream):
            if packet.size == 0 or (is_vp8 and not bytes(packet)[0] & VP8_SHOW_FRAME):
                continue
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
