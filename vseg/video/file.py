"""A video file in, its displayed frames out, each under its exact index.

The frame table comes from demuxing alone (`pts_index`); a frame is found by seeking to a key
frame at or before it, one further back where the demuxer lands too late, and decoding until
its time stamp comes out.  In-order reads never seek.  Images are turned to the displayed
orientation; their pixels stay as stored otherwise (no tone mapping of HDR, no stretching of
non-square pixels).
"""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame

from vseg.errors import BadVideo, DamagedVideo, UsageError
from vseg.interfaces.closing import Closing
from vseg.ops.frame_range import check_index, displayed_frame, frame_range
from vseg.types import Frame, VideoInfo
from vseg.video.container import MAX_PIXELS, open_file
from vseg.video.decoder import FrameDecoder
from vseg.video.orientation import Display, rotation_of
from vseg.video.pts_index import PtsIndex, scan_packets
from vseg.video.rates import frame_rate, is_variable
from vseg.video.sniff import sniff

BACKWARD_BYTES = 128 << 20
BACKWARD_FRAMES = 64


class VideoFile(Closing):
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
            self._describe(index)
        except BaseException:
            self.close()
            raise

    def _describe(self, index: PtsIndex) -> None:
        if index.by_order:
            index = self._decoder.count(index)
            self._decoder.rewind()
        first = self._decoder.next_image()
        if first is None:
            reason = self._decoder.reason or index.cut_short or "the decoder shows none"
            raise BadVideo(f"{self.path}: no frame can be decoded: {reason}")
        if first.pts is not None and not index.by_order:
            index = index.without_head(first.pts)
        self.index = index
        self._shape = first.height, first.width
        self._rotation = rotation_of(first, str(self.path))
        height, width = self._shape if self._rotation % 180 == 0 else self._shape[::-1]
        self.info = VideoInfo(
            source=str(self.path),
            height=height,
            width=width,
            fps=frame_rate(index, self._decoder.opened.rate),
            num_frames=len(index),
            rotation=self._rotation,
            codec=self._decoder.opened.stream.codec_context.name,
            variable_rate=is_variable(index),
        )
        image_bytes = max(1, sum(plane.buffer_size for plane in first.planes))
        self._window = min(max(BACKWARD_BYTES // image_bytes, 4), BACKWARD_FRAMES)
        # What the decoder shows next: an image taken out but not yet asked for, and its place.
        self._ahead: VideoFrame | None = first
        self._next = 0
        self._current: tuple[int, VideoFrame] | None = None

    def __len__(self) -> int:
        return len(self.index)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def read(self, index: int) -> Frame:
        """The frame at `index`.  Raises IndexError past the end, DamagedVideo if
        unreadable.
        """
        check_index(index, len(self))
        return self._frame(index, self._image(index))

    def time_at(self, index: int) -> float:
        """When a frame starts, in seconds."""
        return self.index.time_s(index)

    def frame_at(self, time_s: float) -> int:
        """The frame on display at a time, by the frame table.  Raises IndexError past the
        end.
        """
        return displayed_frame(self.info, len(self), self.time_at, time_s)

    def frames(
        self, start: int = 0, stop: int | None = None, step: int = 1
    ) -> Iterator[Frame]:
        """Frames start, start + step, ... before stop; a negative step goes backward.

        Backward, images are decoded in windows of bounded size.  Raises DamagedVideo after the
        last good frame if the file was cut, and IndexError (at once) for indices outside the
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
            low = max(self._decode_start(wanted[0]), wanted[0] - self._window + 1)
            here = [index for index in wanted[: self._window] if index >= low]
            held = [(index, self._image(index)) for index in reversed(here)]
            while held:
                yield self._frame(*held.pop())
            wanted = wanted[len(here) :]

    def _frame(self, index: int, stored: VideoFrame) -> Frame:
        """The displayed RGB frame of a decoded image."""
        image = self._display.show(stored, self._rotation)
        pts = None if stored.pts is None else int(self.index.pts[index])
        return Frame(index, pts, self.time_at(index), image)

    def _decode_start(self, index: int) -> int:
        """The frame from which decoding must start to reach `index`."""
        if self.index.by_order:
            return 0
        keys = self.index.keyframes_up_to(int(self.index.pts[index]))
        return int(np.searchsorted(self.index.pts, keys[-1])) if len(keys) else 0

    def _image(self, index: int) -> VideoFrame:
        with self._lock:
            if self._closed:
                raise UsageError(f"{self.path}: was closed", hint="open it again")
            if self._current is None or self._current[0] != index:
                if not self._decode_start(index) <= self._next <= index:
                    self._move_before(index)
                self._current = None
                image = self._decode_to(index)
                self._check_unchanged(index, image)
                self._current = (index, image)
                self._next = index + 1
            return self._current[1]

    def _move_before(self, index: int) -> None:
        """Put the decoder where an image at or before `index` comes out next."""
        self._ahead = None
        self._next = 0
        target = int(self.index.pts[index])
        if self.index.by_order or not self._seek_before(target):
            self._decoder.rewind()

    def _seek_before(self, target: int) -> bool:
        """Seek to the last key frame from which an image at or before `target` comes out
        first.
        """
        for key in self.index.keyframes_up_to(target)[::-1]:
            if not self._decoder.seek(int(key)):
                continue
            first = self._decoder.next_image()
            if first is not None and first.pts is not None and first.pts <= target:
                self._ahead = first
                return True
        return False

    def _decode_to(self, index: int) -> VideoFrame:
        target = int(self.index.pts[index])
        if target in self.index.damaged:
            raise self._damaged(index, self.index.cut_short or "parts of it are lost or torn")
        place = self._next
        while (image := self._ahead or self._decoder.next_image()) is not None:
            self._ahead = None
            if self.index.by_order:
                if place == index:
                    return image
                place += 1
            elif image.pts == target:
                return image
            elif image.pts is not None and image.pts > target:
                break
        reason = self._decoder.reason or self.index.cut_short or "the decoder leaves it out"
        raise self._damaged(index, reason)

    def _damaged(self, index: int, reason: str) -> DamagedVideo:
        self._next = len(self) + 1  # no position: the next read seeks
        return DamagedVideo(self.path, index, reason)

    def _check_unchanged(self, index: int, image: VideoFrame) -> None:
        now = image.height, image.width
        if now != self._shape or image.rotation % 360 != self._rotation:
            (h, w), (new_h, new_w) = self._shape, now
            raise self._damaged(
                index, f"the image changes from {w}x{h} to {new_w}x{new_h}, or its rotation"
            )

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        with self._lock:
            self._closed = True
            self._ahead = self._current = None
            self._decoder.close()
