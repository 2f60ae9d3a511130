"""Images of one file in display order, from its beginning or from a key frame.

In: how to open the file and where to start.  Out: `av.VideoFrame`s, each once.  Only a key
frame starts a decode, so no image is built on references that were never read; what a decoder
refuses is remembered as `reason` and left out, and the caller, who knows which time stamps are
due, sees the gap.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame

from vseg.types import UNKNOWN_FPS
from vseg.video.container import OpenFile, VideoPacket, reason_of
from vseg.video.pts_index import PtsIndex


class FrameDecoder:
    """One open file and a position in it.  reason: what demuxer or decoder last refused, or
    ''.

    broken: why the demuxer itself gave up, or ''.
    """

    def __init__(self, reopen: Callable[[], OpenFile], *, keyed: bool) -> None:
        """reopen: opens the source anew.  keyed: it marks key frames, so decoding waits for
        one.
        """
        self.reason = ""
        self.broken = ""
        self._reopen = reopen
        self._keyed = keyed
        self._opened: OpenFile | None = None
        self._images: Iterator[VideoFrame] = iter(())
        self.rewind()

    @property
    def opened(self) -> OpenFile:
        """The open container and stream."""
        assert self._opened is not None
        return self._opened

    def rewind(self) -> None:
        """Go to the beginning, by reopening: not every demuxer can seek to its own start."""
        self.close()
        self.reason = ""
        self._opened = self._reopen()
        packets = self._packets()
        first = self._first_key(packets) if self._keyed else next(packets, None)
        self._images = self._decode(first, packets)

    def seek(self, pts: int) -> bool:
        """Go to the key frame at `pts`; False if the demuxer lands behind it or cannot
        seek.
        """
        self.reason = ""
        try:
            self.opened.container.seek(pts, stream=self.opened.stream)
        except FFmpegError as error:
            self.reason = reason_of(error)
            return False
        packets = self._packets()
        first = self._first_key(packets)
        if first is None or first.pts is None or first.pts > pts:
            return False
        # Images shown before their own key frame refer to ones before it that were not
        # decoded.
        key_pts = first.pts
        decoded = self._decode(first, packets)
        self._images = (p for p in decoded if p.pts is None or p.pts >= key_pts)
        return True

    def next_image(self) -> VideoFrame | None:
        """The next image, None at the end of the file."""
        return next(self._images, None)

    def count(self, index: PtsIndex) -> PtsIndex:
        """`index` filled by decoding the whole file: one entry for each image that comes out.

        Time stamps are the decoder's where all exist and ascend, else counted at the declared
        rate.  Counting stops at the first image that is refused.
        """
        self.rewind()
        stamps: list[int | None] = []
        keys: list[int] = []
        while (image := self.next_image()) is not None and not self.reason:
            if image.key_frame:
                keys.append(len(stamps))
            stamps.append(image.pts)
        cut_short = self.reason or index.cut_short
        if cut_short:
            # Of the last images, some shown between them may be lost with the end of the file.
            del stamps[max(len(stamps) - self.opened.stream.codec_context.reorder_depth, 0) :]
            keys = [key for key in keys if key < len(stamps)]
        timed = [stamp for stamp in stamps if stamp is not None]
        pts = np.asarray(timed, dtype=np.int64)
        time_base = index.time_base
        if len(timed) != len(stamps) or not (np.diff(pts) > 0).all():
            pts = np.arange(len(stamps), dtype=np.int64)
            time_base = Fraction(1) / (self.opened.rate or UNKNOWN_FPS)
        return replace(
            index,
            pts=pts,
            keyframes=pts[keys],
            time_base=time_base,
            cut_short=cut_short or None,
        )

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        self._images = iter(())
        if self._opened is not None:
            self._opened.container.close()
            self._opened = None

    def _packets(self) -> Iterator[VideoPacket]:
        try:
            yield from self.opened.container.demux(self.opened.stream)
        except FFmpegError as error:
            self.reason = self.broken = reason_of(error)

    @staticmethod
    def _first_key(packets: Iterator[VideoPacket]) -> VideoPacket | None:
        return next((packet for packet in packets if packet.is_keyframe and packet.size), None)

    def _decode(
        self, first: VideoPacket | None, packets: Iterator[VideoPacket]
    ) -> Iterator[VideoFrame]:
        packet = first
        flushed = False
        while not flushed:
            # The demuxer ends with an empty packet, which empties the decoder; after an error
            # it is missing.
            flushed = packet is None or packet.size == 0
            try:
                yield from self.opened.stream.decode(packet)
            except FFmpegError as error:
                self.reason = reason_of(error)
            packet = next(packets, None)
