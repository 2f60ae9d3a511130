"""A video file in, its displayed frames out, each under its exact index.

The frame table comes from demuxing alone (`packet_scan`); a frame is found by seeking to a key
frame at or before it, one further back where the demuxer lands too late, and decoding until
its time stamp comes out (`frame_stream`).  In-order reads never seek.  Images are turned to
the displayed orientation, and scaled to the size of the first where the size changes; their
pixels stay as stored otherwise (no tone mapping of HDR, no stretching of non-square pixels).
"""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from av.video.frame import VideoFrame

from vseg.errors import BadVideo, DamagedVideo, UsageError
from vseg.interfaces.indexed_reader import IndexedReader
from vseg.ops.frame_range import check_index, frame_range
from vseg.types import Frame, VideoInfo
from vseg.video.container import MAX_PIXELS, open_file
from vseg.video.decoder import FrameDecoder
from vseg.video.frame_stream import FrameStream, Unreadable
from vseg.video.orientation import Display, orientation_of
from vseg.video.packet_scan import scan_packets
from vseg.video.pts_index import PtsIndex
from vseg.video.rates import frame_rate, is_variable
from vseg.video.sniff import sniff

# Decoded images that are held to read backward, in which direction nothing can be decoded: the
# more, the fewer are decoded twice.  Round values.
BACKWARD_BYTES = 128 << 20
BACKWARD_FRAMES = 64
# A round value; not tuned.  Encoders reorder images within the first groups or not at all.
DOUBTED_FRAMES = 256


class VideoFile(IndexedReader):
    """A video file as a Reader.  Safe to read from several threads; use in a `with` or close
    it.

    index: the frame table.  Raises BadVideo if the file cannot be read at all; DamagedVideo
    comes from reading, at the first frame that cannot be shown.
    """

    def __init__(self, path: str | Path, *, max_pixels: int = MAX_PIXELS) -> None:
        self.path = Path(path)
        sniffed = sniff(self.path)
        opened = open_file(self.path, sniffed, max_pixels)
        with opened.container:
            index = scan_packets(opened, sniffed)
        if not len(index) and not index.by_order:
            raise BadVideo(f"{self.path}: holds no frames", hint="record or convert it again")
        self._lock = threading.RLock()
        self._decoder = FrameDecoder(
            lambda: open_file(self.path, sniffed, max_pixels), keyed=len(index.keyframes) > 0
        )
        self._display = Display()
        self._closed = False
        try:
            self._describe(self._in_order(index))
        except BaseException:
            self.close()
            raise

    def _in_order(self, index: PtsIndex) -> PtsIndex:
        """The frame table, by decoding where the time stamps do not tell the order."""
        doubt = index.doubt
        if doubt and not self._decoder.ascends(doubt.frame + DOUBTED_FRAMES):
            index = replace(index, by_order=doubt.reason)
        if index.by_order:
            index = self._decoder.count(index)
        if doubt or index.by_order:
            self._decoder.rewind()
        return index

    def _describe(self, index: PtsIndex) -> None:
        first = self._decoder.next_image()
        if first is None or not len(index):
            reason = self._decoder.reason or index.cut_short or "the decoder shows none"
            raise BadVideo(f"{self.path}: no frame can be decoded: {reason}")
        if first.pts is not None and not index.by_order:
            index = index.without_head(first.pts)
        self.index = index
        self._turn = first.rotation, orientation_of(first, str(self.path))
        orientation = self._turn[1]
        self._size = orientation.displayed_size(first.height, first.width)
        self.info = VideoInfo(
            source=str(self.path),
            height=self._size[0],
            width=self._size[1],
            fps=frame_rate(index, self._decoder.opened.rate),
            num_frames=len(index),
            rotation=orientation.rotation,
            codec=self._decoder.opened.stream.codec_context.name,
            variable_rate=is_variable(index),
            mirrored=orientation.mirrored,
            order_reason=index.by_order,
            head_dropped=index.head_dropped,
            pixel_aspect=orientation.displayed_aspect(
                self._decoder.opened.stream.sample_aspect_ratio
            ),
        )
        image_bytes = max(1, sum(plane.buffer_size for plane in first.planes))
        self._window = min(max(BACKWARD_BYTES // image_bytes, 4), BACKWARD_FRAMES)
        self._stream = FrameStream(self._decoder, index, first)
        self._current: tuple[int, VideoFrame] | None = None

    def __len__(self) -> int:
        return len(self.index)

    def read(self, index: int) -> Frame:
        """The frame at `index`.  Raises UnknownFrame past the end, DamagedVideo if
        unreadable.
        """
        check_index(index, len(self))
        return self._frame(index, self._image(index))

    def time_at(self, index: int) -> float:
        """When a frame starts, in seconds."""
        check_index(index, len(self))
        return self.index.time_s(index)

    def frames(
        self, start: int = 0, stop: int | None = None, step: int = 1
    ) -> Iterator[Frame]:
        """Frames start, start + step, ... before stop; a negative step goes backward.

        Backward, images are decoded in windows of bounded size.  Raises DamagedVideo after the
        last good frame if the file was cut, and UnknownFrame (at once) for indices outside the
        clip.
        """
        wanted = frame_range(len(self), start, stop, step)
        return self._forward(wanted) if step > 0 else self._backward(wanted)

    def images(self, start: int = 0) -> Iterator[VideoFrame]:
        """The decoded images from `start` on as stored, neither turned nor converted to
        RGB.
        """
        return (image for _, image in self._decoded(frame_range(len(self), start, None, 1)))

    def _forward(self, wanted: range) -> Iterator[Frame]:
        return (self._frame(index, image) for index, image in self._decoded(wanted))

    def _decoded(self, wanted: range) -> Iterator[tuple[int, VideoFrame]]:
        for index in wanted:
            yield index, self._image(index)
        if self.index.cut_short and wanted.stop == len(self):
            raise DamagedVideo(self.path, len(self), self.index.cut_short)

    def _backward(self, wanted: range) -> Iterator[Frame]:
        while wanted:
            low = max(self._stream.decode_start(wanted[0]), wanted[0] - self._window + 1)
            here = [index for index in wanted[: self._window] if index >= low]
            held = [(index, self._image_or_damage(index)) for index in reversed(here)]
            while held:
                index, image = held.pop()
                if isinstance(image, DamagedVideo):
                    raise image
                yield self._frame(index, image)
            wanted = wanted[len(here) :]

    def _image_or_damage(self, index: int) -> VideoFrame | DamagedVideo:
        """The image, or what is to be raised once the frames behind it are given out."""
        try:
            return self._image(index)
        except DamagedVideo as damage:
            return damage

    def _frame(self, index: int, stored: VideoFrame) -> Frame:
        """The displayed RGB frame of a decoded image."""
        turn, orientation = self._turn
        if stored.rotation != turn:
            orientation = orientation_of(stored, str(self.path))
        size = orientation.displayed_size(stored.height, stored.width)
        image = self._display.show(stored, orientation, self._size)
        pts = None if stored.pts is None else int(self.index.pts[index])
        scaled_from = None if size == self._size else size
        return Frame(index, pts, self.time_at(index), image, scaled_from)

    def _image(self, index: int) -> VideoFrame:
        with self._lock:
            if self._closed:
                raise UsageError(f"{self.path}: was closed", hint="open it again")
            if self._current is None or self._current[0] != index:
                self._current = None
                try:
                    self._current = index, self._stream.image(index)
                except Unreadable as damage:
                    raise DamagedVideo(self.path, index, str(damage)) from None
            return self._current[1]

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        with self._lock:
            self._closed = True
            self._current = None
            self._decoder.close()
