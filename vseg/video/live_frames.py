"""What all live sources do with their images: number them, time them, bring them to one size.

Enters: images as they arrive.  Leaves: Frames whose index counts those that were given out and
whose time_s is the monotonic clock, zero at the first one.
"""

import time
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from vseg.interfaces.closing import Closing
from vseg.interfaces.live_source import ConnectionChange, LiveCounts
from vseg.types import Frame, VideoInfo
from vseg.video.orientation import Display

_POLL_S = 1.0  # for a frame, between looks at whether the source has ended


@dataclass(frozen=True, slots=True)
class LiveImage:
    """An image as it arrived: its time by `time.monotonic`."""

    arrived_s: float
    pts: int | None
    pixels: UInt8[np.ndarray, "H W 3"]


class LiveFrames(Closing):
    """The common part of the live sources.  info: without a size until an image came."""

    generation: int

    def __init__(self, name: str) -> None:
        self.name = name
        self.info = VideoInfo(name, height=0, width=0, fps=None, num_frames=None)
        self._display = Display()
        self._given = 0
        self._start_s: float | None = None

    @property
    @abstractmethod
    def ended(self) -> bool:
        """Whether there will be no more frames."""

    @property
    @abstractmethod
    def dropped(self) -> int:
        """Images that arrived and were not given out, because newer ones came."""

    @abstractmethod
    def counts(self) -> LiveCounts:
        """What it did so far."""

    @abstractmethod
    def _take_image(self, timeout_s: float) -> LiveImage | None:
        """The next image, None if none comes in time."""

    def take(self, timeout_s: float) -> Frame | None:
        """The next frame, as `LiveSource.take` has it."""
        image = self._take_image(timeout_s)
        return None if image is None else self._frame(image)

    def changes(self) -> tuple[ConnectionChange, ...]:
        """Nothing: a source without a connection does not lose one."""
        return ()

    def clock_s(self) -> float:
        """Now, in seconds since the first image arrived; 0 before it."""
        return self._seconds(time.monotonic())

    def __iter__(self) -> Iterator[Frame]:
        while not self.ended:
            frame = self.take(_POLL_S)
            if frame is not None:
                yield frame

    def _seconds(self, monotonic_s: float) -> float:
        return 0.0 if self._start_s is None else monotonic_s - self._start_s

    def _frame(self, image: LiveImage) -> Frame:
        index = self._given
        self._given = index + 1
        height, width = image.pixels.shape[:2]
        wanted = (self.info.height, self.info.width)
        time_s = self._seconds(image.arrived_s)
        if (height, width) == wanted:
            return Frame(index, image.pts, time_s, image.pixels)
        scaled = self._display.scale(image.pixels, wanted)
        return Frame(index, image.pts, time_s, scaled, scaled_from=(height, width))
