"""What all readers of stored frames share.

Enters: how many frames there are, one of them, and when it starts.  Leaves: iteration, the
frame at a time, and frames in steps, as `vseg.interfaces.reader.Reader` promises them.
"""

from abc import abstractmethod
from collections.abc import Iterator

from vseg.interfaces.closing import Closing
from vseg.ops.frame_range import displayed_frame, frame_range
from vseg.types import Frame, VideoInfo


class IndexedReader(Closing):
    """Mix-in of a `Reader`: what follows from `read`, `time_at` and the length."""

    info: VideoInfo

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def read(self, index: int) -> Frame:
        """The frame at `index`.  Raises UnknownFrame past the end."""

    @abstractmethod
    def time_at(self, index: int) -> float:
        """When a frame starts, in seconds.  Raises UnknownFrame past the end."""

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def frame_at(self, time_s: float) -> int:
        """The frame on display at a time; before the first frame it is the first.  Raises
        UnknownFrame past the end.
        """
        return displayed_frame(self.info, len(self), self.time_at, time_s)

    def frames(
        self, start: int = 0, stop: int | None = None, step: int = 1
    ) -> Iterator[Frame]:
        """Frames start, start + step, ... before stop; a negative step goes backward."""
        return map(self.read, frame_range(len(self), start, stop, step))
