"""A source that goes on: frames as they come, and what happens to its connection.

Frames have this machine's monotonic clock, zero at the first one: a jump of the wall clock or
of the source's own time stamps changes nothing.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from vseg.interfaces.reader import Source
from vseg.types import Frame

ConnectionState = Literal["down", "up"]


@dataclass(frozen=True, slots=True)
class ConnectionChange:
    """The connection of a live source was lost, or is there again.

    generation: which connection was lost or made, from 1 on; 0 if there was none yet.  time_s:
    when, on the clock of the frames.  reason: why it was lost, without credentials.  gap_s: of
    an `up`, seconds from the last image before it to its first one; None of the first.
    size: width and height of its images where they are not those of the first connection.
    """

    state: ConnectionState
    generation: int
    time_s: float
    reason: str = ""
    gap_s: float | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class LiveCounts:
    """What a live source did so far: images that arrived, were given out, and were dropped
    because newer ones came; connections after the first; the age of the newest image, None
    before the first.
    """

    arrived: int
    given: int
    dropped: int
    reconnects: int
    newest_age_s: float | None


@runtime_checkable
class LiveSource(Source, Protocol):
    """Frames without a known end.  generation: the connection that the last frame is of."""

    name: str
    generation: int

    @property
    def ended(self) -> bool:
        """Whether there will be no more frames; a lost connection is no end."""
        ...

    @property
    def dropped(self) -> int:
        """Images that arrived and were not given out, because newer ones came."""
        ...

    def take(self, timeout_s: float) -> Frame | None:
        """The next frame; None if none comes within this time, or there are no more.

        Raises DamagedVideo, once, where a source that is not connected again breaks.
        """
        ...

    def changes(self) -> tuple[ConnectionChange, ...]:
        """What happened to the connection since this was last asked."""
        ...

    def counts(self) -> LiveCounts:
        """What it did so far."""
        ...

    def clock_s(self) -> float:
        """Now, on the clock of its frames."""
        ...
