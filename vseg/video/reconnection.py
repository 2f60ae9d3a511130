"""When to connect again to a source that was lost: the longer it refuses the more rarely, but
at once when its server takes connections again.

The delays double from LEAST_S to MOST_S and are scattered, so that many readers of one server
do not come all together.  Whoever was connected for long enough begins anew.  A server that
took the connection and says nothing has been waited for already.
"""

import random
import time
from collections.abc import Callable

from vseg.video.address import answers

# Between attempts: short after a hiccup, and no burden for a server that stays away.
LEAST_S = 0.5
MOST_S = 30.0
# The spread of the delays around their value; a round value.
_JITTER = 0.2
# A connection whose images came for so long was a good one.  A round value.
GOOD_AFTER_S = 2.0
# One connection without content costs a server that is away nothing; one that is back is
# noticed after half of this on average.
KNOCK_EVERY_S = 0.5


class Reconnection:
    """The delays of one source.  seed: of their scattering."""

    def __init__(self, source: int | str, seed: int | None = None) -> None:
        self._source = source
        self._random = random.Random(seed)
        self._next_s = LEAST_S

    def good_for(self, seconds: float) -> None:
        """Note for how long images came by the connection that ended; 0 if none came."""
        if seconds >= GOOD_AFTER_S:
            self._next_s = LEAST_S

    def reachable(self) -> bool:
        """Whether to try a connection: no server is known to be away."""
        return answers(self._source, KNOCK_EVERY_S) is not False

    def delay_s(self, *, hung: bool = False) -> float:
        """Seconds from the beginning of the last attempt to the next.  hung: it ended by its
        time-out.
        """
        delay_s = LEAST_S if hung else self._next_s
        if not hung:
            self._next_s = min(self._next_s * 2, MOST_S)
        return delay_s * self._random.uniform(1 - _JITTER, 1 + _JITTER)

    def wait(self, due_s: float, pause: Callable[[float], bool], *, away: bool) -> None:
        """Wait until a time (`time.monotonic`).

        pause: waits for so many seconds, and says whether to go on.  away: the server took no
        connection; one that does again ends the wait.
        """
        while (left_s := due_s - time.monotonic()) > 0:
            if not pause(min(left_s, KNOCK_EVERY_S)) or (away and self.reachable()):
                return
