"""Which image is the next frame, and when it was taken.

Enters: the times that a source gives, or none.  Leaves: seconds that rise from frame to frame.
Images may come twice, or late; a clock may be set.
"""

import math
import time
from dataclasses import dataclass, field

from vseg.errors import LateFrame

CLOCK_SET_S = 1.0
"""A time that is earlier than the last one by more than this is of a clock that was set, by
less of a frame that comes late: queues of cameras and networks hold less than a second.
"""


@dataclass(slots=True)
class FrameClock:
    """index, last_s: of the last frame, -1 and None before the first.  clock_sets: how often
    the source's clock was set back.
    """

    index: int = -1
    last_s: float | None = None
    clock_sets: int = 0
    _began_s: float = field(default_factory=time.monotonic)

    def arrival_s(self) -> float:
        """The time of a frame that comes now, without one of its own: seconds since the first
        by a clock that is never set.
        """
        if self.last_s is None:
            self._began_s = time.monotonic()
            return 0.0
        since = time.monotonic() - self._began_s
        return max(since, math.nextafter(self.last_s, math.inf))

    def repeats(self, time_s: float) -> bool:
        """Whether a frame of this time is the last one again.

        Raises LateFrame for a frame older than the last.
        """
        if self.last_s is None or time_s > self.last_s:
            return False
        behind = self.last_s - time_s
        if 0 < behind <= CLOCK_SET_S:
            raise LateFrame(
                f"the image of {time_s:g} s is {behind:.3g} s older than the last one",
                hint="drop it: nothing has changed, and the next image is tracked",
            )
        return behind == 0

    def advance(self, time_s: float) -> None:
        """A frame of this time has been tracked."""
        if self.last_s is not None and time_s < self.last_s:
            self.clock_sets += 1
        self.index += 1
        self.last_s = time_s

    def resume(self, index: int, last_s: float | None) -> None:
        """Go on after a frame that another clock saw: arrivals count on from its time."""
        self.index = index
        self.last_s = last_s
        self._began_s = time.monotonic() - (last_s or 0.0)
