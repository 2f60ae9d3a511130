"""What updates took, and what was left out of them to keep the budget."""

from collections import Counter
from dataclasses import dataclass
from threading import Lock

import numpy as np

_WINDOW = 1024
"""Updates that percentiles are of: the 99th needs some hundred.  A round value."""


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """One update.

    seconds: from the call to its end.  short_side: the frame was scaled to it; None of a model
    of one size.  decoded: ids of objects whose masks are of this frame.  held: of those whose
    masks are of an earlier one.  remembered: whether memory could be written.  adopted: of
    objects that were prompted since the update before.
    """

    frame_index: int
    time_s: float
    seconds: float
    short_side: int | None
    decoded: tuple[int, ...]
    held: tuple[int, ...]
    remembered: bool
    adopted: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LatencyReport:
    """All updates so far, and how long the last 1024 of them took.

    p50_s, p95_s, p99_s: percentiles; 0 before the first update.  Of all updates, how many:
    over_budget took longer than the budget; reduced had frames of a smaller short side; held
    did not decode every object; unremembered wrote no memory.  Not counted among updates:
    repeated images, late ones, and how often the clock was set back.
    """

    budget_s: float | None
    updates: int
    p50_s: float
    p95_s: float
    p99_s: float
    over_budget: int
    reduced: int
    held: int
    unremembered: int
    repeated: int
    late: int
    clock_sets: int

    @property
    def kept(self) -> bool:
        """Whether 95 of 100 updates took no longer than the budget; true without one."""
        return self.budget_s is None or self.p95_s <= self.budget_s


class LatencyLog:
    """Counts updates; thread-safe, and of constant size.

    full_side: the short side that is not a reduced one.
    """

    def __init__(self, budget_s: float | None, full_side: int | None) -> None:
        self._budget_s = budget_s
        self._full_side = full_side
        self._lock = Lock()
        self._seconds = np.zeros(_WINDOW)
        self._counts: Counter[str] = Counter()
        self.last: UpdateReport | None = None

    def add(self, update: UpdateReport) -> None:
        """Count one update."""
        over = self._budget_s is not None and update.seconds > self._budget_s
        with self._lock:
            self._seconds[self._counts["updates"] % _WINDOW] = update.seconds
            self._counts["updates"] += 1
            self._counts["over_budget"] += over
            self._counts["reduced"] += update.short_side != self._full_side
            self._counts["held"] += bool(update.held)
            self._counts["unremembered"] += not update.remembered
            self.last = update

    def count(self, what: str) -> None:
        """Count an image that was no update: repeated or late."""
        with self._lock:
            self._counts[what] += 1

    def report(self, clock_sets: int) -> LatencyReport:
        """What there is to say so far."""
        with self._lock:
            counts = Counter(self._counts)
            seconds = self._seconds[: min(_WINDOW, counts["updates"])].copy()
        p50, p95, p99 = np.percentile(seconds, [50, 95, 99]) if len(seconds) else (0, 0, 0)
        return LatencyReport(
            self._budget_s,
            counts["updates"],
            float(p50),
            float(p95),
            float(p99),
            counts["over_budget"],
            counts["reduced"],
            counts["held"],
            counts["unremembered"],
            counts["repeated"],
            counts["late"],
            clock_sets,
        )
