"""Live images between the thread that takes them from their source and the one that uses them.

Either the newest one wins: one is kept, and those that nobody took in time are dropped and
counted.  Or none is dropped: a few are kept in order, and the source waits while it is full.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass

from vseg.video.capture import Grabbed

KEPT_WITHOUT_DROPS = 16
"""Images kept where none is dropped: half a second at usual rates, 50 MB of 1080p.  A round
value."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An image, its place among those of its source, and when it came (`time.monotonic`)."""

    number: int
    arrived_s: float
    grabbed: Grabbed


class LiveQueue:
    """Holds arrivals; `drop`: the newest wins.  Usable from several threads."""

    def __init__(self, *, drop: bool) -> None:
        self.arrived = 0
        self.dropped = 0
        self._depth = 1 if drop else KEPT_WITHOUT_DROPS
        self._drop = drop
        self._held: deque[Arrival] = deque()
        self._ended = False
        self._changed = threading.Condition()

    def put(self, grabbed: Grabbed) -> Arrival:
        """Add an image that came just now; `has_room` was waited for, or the newest wins."""
        with self._changed:
            arrival = Arrival(self.arrived, time.monotonic(), grabbed)
            if self._drop and len(self._held) == self._depth:
                self._held.popleft()
                self.dropped += 1
            self._held.append(arrival)
            self.arrived += 1
            self._changed.notify_all()
        return arrival

    def has_room(self, timeout_s: float) -> bool:
        """Whether one more can be put within this time; always where the newest wins."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._drop or self._ended or len(self._held) < self._depth, timeout_s
            )

    def take(self, timeout_s: float | None = None) -> Arrival | None:
        """The next image; None if none comes within this time, or no more will."""
        with self._changed:
            self._changed.wait_for(lambda: self._held or self._ended, timeout_s)
            arrival = self._held.popleft() if self._held else None
            self._changed.notify_all()
        return arrival

    def wait(self, seconds: float) -> bool:
        """Wait, unless the queue is ended meanwhile; whether it is not."""
        with self._changed:
            return not self._changed.wait_for(lambda: self._ended, max(seconds, 0.0))

    def end(self, *, forget: bool = False) -> None:
        """No more will be put.  forget: what is held is not taken either."""
        with self._changed:
            self._ended = True
            if forget:
                self._held.clear()
            self._changed.notify_all()

    def join(self) -> None:
        """Wait until an ended queue has nothing left."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended and not self._held)

    @property
    def over(self) -> bool:
        """Whether nothing is left to be taken, and no more will come."""
        with self._changed:
            return self._ended and not self._held
