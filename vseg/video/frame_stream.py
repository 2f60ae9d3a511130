"""Decoded images by their frame numbers; none that depends on where decoding began.

In: a decoder and the frame table of its file.  Out: the image of a frame, or `Unreadable` with
the reason: its packets are torn, the decoder refused it or reports errors in it, or it may
refer to such a frame.  An image is handed out only after all images that it may refer to came
out of the decoder, so that iterating and random access agree.
"""

from collections import deque

import numpy as np
from av.video.frame import VideoFrame

from vseg.video.decoder import FrameDecoder
from vseg.video.pts_index import PtsIndex


class Unreadable(Exception):
    """A frame cannot be shown; args[0] says why."""


class FrameStream:
    """A position in one file.  first: the first image that comes out of the decoder."""

    def __init__(self, decoder: FrameDecoder, index: PtsIndex, first: VideoFrame) -> None:
        self._decoder = decoder
        self._index = index
        self._settled_by = index.settled_by()
        torn = index.cut_short or "parts of it are lost or torn"
        places = np.searchsorted(index.pts, index.damaged[np.isin(index.damaged, index.pts)])
        self._damaged = dict.fromkeys(places.tolist(), torn)
        # Images that are out of the decoder and not yet asked for, ascending; `_out` is the
        # last frame that came or should have come out.
        self._ahead: deque[tuple[int, VideoFrame]] = deque()
        self._out = -1
        self._seekable = bool(index.key_packets)
        self._enter(first)

    def decode_start(self, index: int) -> int:
        """The frame from which decoding must start to reach `index`."""
        if self._index.by_order and not self._seekable:
            return 0
        keys = self._index.keyframes_up_to(int(self._index.pts[index]))
        return int(np.searchsorted(self._index.pts, keys[-1])) if len(keys) else 0

    def image(self, index: int) -> VideoFrame:
        """The image of a frame.  Raises Unreadable."""
        self._refuse(index)
        upcoming = self._ahead[0][0] if self._ahead else self._out + 1
        if not self.decode_start(index) <= upcoming <= index:
            self._move_before(index)
        while self._out < self._settled_by[index]:
            image = self._decoder.next_image()
            if image is None:
                self._missing(len(self._index))
                break
            self._enter(image)
        self._refuse(index)
        while self._ahead[0][0] < index:
            self._ahead.popleft()
        return self._ahead.popleft()[1]

    def _refuse(self, index: int) -> None:
        if index in self._damaged:
            raise Unreadable(self._damaged[index])

    def _enter(self, image: VideoFrame) -> None:
        """Note the next image of the decoder, and the frames that it left out before it."""
        place = self._out + 1 if self._index.by_order else self._place_of(image)
        if place <= self._out:
            return
        self._missing(place)
        self._out = place
        self._ahead.append((place, image))
        if self._decoder.is_corrupt(image):
            self._spoil(place, "the decoder reports errors in it")

    def _place_of(self, image: VideoFrame) -> int:
        """The number of the frame with this time stamp; -1 if none has it."""
        if image.pts is None:
            return -1
        place = int(np.searchsorted(self._index.pts, image.pts))
        there = place < len(self._index) and self._index.pts[place] == image.pts
        return place if there else -1

    def _missing(self, stop: int) -> None:
        """Mark the frames from the last one out to `stop` (exclusive): the decoder left them
        out.
        """
        for place in range(self._out + 1, stop):
            reason = self._decoder.reason or self._index.cut_short
            self._spoil(place, reason or "the decoder leaves it out")
            if self._index.cut_short and not self._has_key_after(place):
                # The cut took it: what is shown later is the torn end of the clip.
                for later in range(place, len(self._index)):
                    self._damaged.setdefault(later, self._index.cut_short)
        self._out = max(self._out, stop - 1)

    def _has_key_after(self, place: int) -> bool:
        keys = self._index.keyframes
        return len(keys) > 0 and bool(keys[-1] > self._index.pts[place])

    def _spoil(self, place: int, reason: str) -> None:
        if place in self._damaged:
            return
        self._damaged[place] = reason
        for frame in self._index.spoiled_by(place).tolist():
            self._damaged.setdefault(frame, f"it may refer to frame {place}: {reason}")

    def _move_before(self, index: int) -> None:
        """Put the decoder where an image at or before `index` comes out next."""
        self._ahead.clear()
        self._out = -1
        seek = self._seek_packet if self._index.by_order else self._seek_before
        if not seek(int(self._index.pts[index])):
            self._decoder.rewind()

    def _seek_packet(self, target: int) -> bool:
        """Seek to the last key frame at or before `target` by its place in the file."""
        count = len(self._index.keyframes_up_to(target))
        if not count or not self._seekable:
            return False
        self._seekable = self._decoder.seek_packet(self._index.key_packets[count - 1])
        if self._seekable:
            self._out = int(self._index.key_places[count - 1]) - 1
        return self._seekable

    def _seek_before(self, target: int) -> bool:
        """Seek to the last key frame from which an image at or before `target` comes out
        first.
        """
        for key in self._index.keyframes_up_to(target)[::-1]:
            if not self._decoder.seek(int(key)):
                continue
            first = self._decoder.next_image()
            if first is None or first.pts is None or first.pts > target:
                continue
            # Frames before the first one were not asked of the decoder.
            self._out = int(np.searchsorted(self._index.pts, first.pts)) - 1
            self._enter(first)
            return True
        return False
