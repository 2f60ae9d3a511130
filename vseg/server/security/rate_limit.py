"""How often something may happen: a token bucket for each client (ITU-T I.371, annex A)."""

import math
import time
from collections import OrderedDict

from vseg.errors import TooMany

# Buckets that are kept: of more clients, the one that was idle longest is full again.
_CLIENTS = 10_000


class Rate:
    """At most `per_minute` events of each client on average; as many may come at once."""

    def __init__(self, per_minute: int, what: str) -> None:
        self._per_minute = per_minute
        self._what = what
        # Events left, and when that was.
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, client: str) -> None:
        """Raise TooMany if the client has none left."""
        left = self._now(client)
        if left < 1:
            raise TooMany(
                f"more than {self._per_minute} {self._what} a minute",
                hint="wait, and ask less often",
                retry_after_s=max(1, math.ceil((1 - left) * 60 / self._per_minute)),
            )

    def count(self, client: str) -> None:
        """Note an event."""
        self._left[client] = self._now(client) - 1, time.monotonic()
        self._left.move_to_end(client)
        if len(self._left) > _CLIENTS:
            self._left.popitem(last=False)

    def _now(self, client: str) -> float:
        left, since = self._left.get(client, (float(self._per_minute), time.monotonic()))
        gained = (time.monotonic() - since) * self._per_minute / 60
        return min(float(self._per_minute), left + gained)
