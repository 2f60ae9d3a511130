"""Images of one file in display order, from its beginning or from a key frame.

In: how to open the file and where to start.  Out: `av.VideoFrame`s, each once.  Only a key
frame starts a decode, so no image is built on references that were never read; what a decoder
refuses is remembered as `reason` and left out, and the caller, who knows which time stamps are
due, sees the gap.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import dropwhile, islice

import numpy as np
from av.error import FFmpegError
from av.video.frame import PictureType, VideoFrame
from jaxtyping import Int64

from vseg.types import UNKNOWN_FPS
from vseg.video.container import OpenFile, VideoPacket, reason_of
from vseg.video.pts_index import KeyPacket, PtsIndex
from vseg.video.stamps import ascending


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
        # Time stamps of packets that were refused, but whose images may be shown yet.
        self._refused: set[int | None] = set()
        # Whether the last image came with a key packet.
        self._of_key = False
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
            self.opened.flush()
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

    def seek_packet(self, key: KeyPacket) -> bool:
        """Go to the key frame of this packet, whatever its time stamps say; False if the
        demuxer finds no way there.
        """
        self.reason = ""
        self.broken = ""
        # Matroska's index holds display stamps, that of others decoding stamps.
        for offset, by_byte in ((key.dts, False), (key.pts, False), (key.byte, True)):
            try:
                self.opened.container.seek(
                    offset or 0, stream=self.opened.stream, unsupported_byte_offset=by_byte
                )
                self.opened.flush()
            except FFmpegError:
                continue
            packets = self._packets()
            first = self._first_key(packets)
            if first is not None and first.pos == key.byte:
                decoded = self._decode(first, packets)
                # Images shown before it come out first, and refer to what was not decoded.
                self._images = dropwhile(lambda image: not self.is_key(image), decoded)
                return True
        return False

    def next_image(self) -> VideoFrame | None:
        """The next image, None at the end of the file."""
        return next(self._images, None)

    def is_key(self, image: VideoFrame) -> bool:
        """Whether the image that came last is a key frame.  libvpx does not say it of its
        images, but gives each with its own packet.
        """
        return image.key_frame or (self.opened.checking is not None and self._of_key)

    def is_corrupt(self, image: VideoFrame) -> bool:
        """Whether the decoder reports errors in an image, or refused its packet: that of HEVC
        shows an image whose hash it has just found to be another.
        """
        refused = image.pts in self._refused
        self._refused.discard(image.pts)
        return image.is_corrupt or refused

    def count(self, index: PtsIndex) -> PtsIndex:
        """`index` filled by decoding the whole file: one entry for each image that comes out.

        Time stamps are the decoder's, repaired where they do not ascend; they are counted at
        the declared rate where there are none, and in AVI, which stores none.  The clip is cut
        short where no image comes after one that was refused.
        """
        log = self._decode_all()
        depth = self.opened.stream.codec_context.reorder_depth
        count = len(log.stamps)
        refused = [place for place in log.refused if place < count - depth]
        cut_short = index.cut_short or (log.reason if refused != log.refused else None)
        if cut_short:
            # Of the last images, some shown between them may be lost with the end of the file.
            ends = [place for place in log.refused if place >= count - depth]
            count = max(min([count, *ends]) - depth, 0)
        keys = np.asarray([key for key in log.keys if key < count], dtype=np.int64)
        pts, time_base = self._times(log.stamps[:count], index)
        doubted = [*log.corrupt, *(place - depth for place in (*refused, *index.lost))]
        # What was lost may be the last that refers to one key frame, or the first to the next.
        doubted += index.lost
        filled = replace(
            index,
            pts=pts,
            keyframes=pts[keys],
            stored=np.arange(count, dtype=np.int64),
            key_places=keys,
            key_stamps=pts[keys],
            # As many images as packets are taken to be theirs.
            key_packets=index.key_packets if len(log.keys) == len(index.key_packets) else (),
            time_base=time_base,
            doubt=None,
            cut_short=cut_short or None,
        )
        spoiled = [filled.spoiled_by(max(0, place)) for place in doubted if place < count]
        damaged = np.unique(np.concatenate([*spoiled, keys[:0]]))
        return replace(filled, damaged=pts[damaged])

    def ascends(self, count: int) -> bool:
        """Whether the time stamps of the first `count` images that come out ascend."""
        self.rewind()
        latest: int | None = None
        for image in islice(iter(self.next_image, None), count):
            if image.pts is None or (latest is not None and image.pts <= latest):
                return False
            latest = image.pts
        return True

    def _decode_all(self) -> "_Decoded":
        self.rewind()
        log = _Decoded()
        depth = self.opened.stream.codec_context.reorder_depth
        while True:
            image = self.next_image()
            if self.reason:
                log.refused.append(len(log.stamps))
                log.reason = self.reason
                self.reason = ""
            if image is None:
                return log
            log.add(image, depth, is_key=self.is_key(image), corrupt=self.is_corrupt(image))

    def _times(
        self, stamps: list[int | None], index: PtsIndex
    ) -> tuple[Int64[np.ndarray, " T"], Fraction]:
        """Ascending stamps for images in this order, and the seconds in one of their ticks."""
        known = [stamp for stamp in stamps if stamp is not None]
        orderly = len(known) == len(stamps) and (np.diff(known) > 0).all()
        frame_s = Fraction(1) / (self.opened.rate or UNKNOWN_FPS)
        if not known or (self.opened.container.format.name == "avi" and not orderly):
            return np.arange(len(stamps), dtype=np.int64), frame_s
        pts, finer = ascending(stamps, float(frame_s / index.time_base))
        return pts, index.time_base / finer

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
        self._refused.clear()
        # Others say only with a later packet what was wrong with one.
        at_once = self.opened.stream.codec_context.name == "hevc"
        while not flushed:
            # The demuxer ends with an empty packet, which empties the decoder; after an error
            # it is missing.
            flushed = packet is None or packet.size == 0
            try:
                for image in self.opened.decode(packet):
                    self._of_key = packet is not None and packet.is_keyframe
                    yield image
            except FFmpegError as error:
                self.reason = reason_of(error)
                if at_once and packet is not None:
                    self._refused.add(packet.pts)
            packet = next(packets, None)


@dataclass(slots=True)
class _Decoded:
    """What one pass over the images showed, by their places in it.

    refused: the places before which a packet was refused.  corrupt: images with errors and
    those beside them that may refer to them.
    """

    stamps: list[int | None] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    corrupt: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    reason: str = ""
    leaning: int = 0

    def add(self, image: VideoFrame, depth: int, *, is_key: bool, corrupt: bool) -> None:
        """Enter the next image.  depth: how many may be shown before one they refer to."""
        place = len(self.stamps)
        if is_key:
            self.keys.append(place)
        if corrupt:
            self.corrupt.append(place - min(self.leaning, depth))
        self.leaning = self.leaning + 1 if image.pict_type == PictureType.B else 0
        self.stamps.append(image.pts)
