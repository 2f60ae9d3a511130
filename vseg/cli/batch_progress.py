"""How a batch goes, on stderr: a live table in a terminal, a line every ten seconds anywhere
else.
"""

import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from vseg.batch.manifest import Manifest
from vseg.batch.schedule import Attempt
from vseg.interfaces.closing import Closing

_EVERY_S = 10.0  # between lines where there is no terminal, as of `vseg track`


@dataclass(slots=True)
class _Lane:
    """What a worker does now.  size: bytes of the clip.  first: frames of an earlier start."""

    clip: str
    size: float
    began: float
    first: int | None = None
    done: int = 0
    total: int = 0

    def rate(self, now: float) -> float:
        """Frames a second."""
        return (self.done - (self.first or 0)) / max(now - self.began, 1e-6)

    def bytes_done(self) -> float:
        return self.size * self.done / self.total if self.total else 0.0


class BatchProgress(Closing):
    """A BatchWatcher that shows; use it as a context manager.

    The time left is told from bytes: long clips come first, so their number says little.
    """

    def __init__(self, done_before: int, sizes: list[float]) -> None:
        """sizes: bytes of the clips that are to be done."""
        self._total = done_before + len(sizes)
        self._ended = done_before
        self._wrong = 0
        self._bytes = sum(sizes)
        self._bytes_ended = 0.0
        self._frames = 0
        self._lanes: dict[str, _Lane] = {}
        self._lock = threading.Lock()
        self._began = self._spoke = time.monotonic()
        self._console = Console(stderr=True)
        self._live = (
            Live(console=self._console, transient=True, get_renderable=self._table)
            if self._console.is_terminal
            else None
        )
        if self._live:
            self._live.start()

    def close(self) -> None:
        """Take the table away."""
        if self._live:
            self._live.stop()

    def begins(self, worker: str, attempt: Attempt) -> None:
        """A worker takes a job."""
        job = attempt.job
        with self._lock:
            self._lanes[worker] = _Lane(job.line.clip, job.work_bytes, time.monotonic())

    def advances(self, worker: str, done: int, total: int) -> None:
        """So many frames of its job are tracked, of so many."""
        with self._lock:
            lane = self._lanes[worker]
            lane.first = done - 1 if lane.first is None else lane.first
            lane.done = done
            lane.total = total
            self._speak()

    def ends(self, worker: str, attempt: Attempt, ended: Manifest | None) -> None:
        """How its job ended; None if it is tried again or continued later."""
        with self._lock:
            self._lanes.pop(worker)
            if ended is not None:
                self._ended += 1
                self._wrong += ended.status.is_wrong
                self._frames += ended.tracked
                self._bytes_ended += attempt.job.work_bytes
            elif attempt.again is not None:
                self._console.print(
                    f"{attempt.job.line.clip}: {attempt.again.message}; it is tried again",
                    markup=False,
                    highlight=False,
                    soft_wrap=True,
                )
            self._speak()

    def _speak(self) -> None:
        now = time.monotonic()
        if self._live is None and now - self._spoke >= _EVERY_S:
            self._spoke = now
            print(self._line(now), file=sys.stderr, flush=True)

    def _line(self, now: float) -> str:
        frames = self._frames + sum(
            lane.done - (lane.first or 0) for lane in self._lanes.values()
        )
        rate = frames / max(now - self._began, 1e-6)
        done = self._bytes_ended + sum(lane.bytes_done() for lane in self._lanes.values())
        left_s = (now - self._began) * (self._bytes - done) / done if done else None
        left = "" if left_s is None else f", about {_clock(left_s)} left"
        wrong = f", {self._wrong} came to nothing" if self._wrong else ""
        return f"batch: {self._ended}/{self._total} clips{wrong}, {rate:.1f} frames/s{left}"

    def _table(self) -> Table:
        with self._lock:
            now = time.monotonic()
            table = Table(title=self._line(now), title_justify="left", box=None)
            for name in ("worker", "clip", "frames", "frames/s"):
                table.add_column(name)
            for worker, lane in sorted(self._lanes.items()):
                frames = f"{lane.done}/{lane.total}" if lane.total else ""
                rate = f"{lane.rate(now):.1f}" if lane.done else ""
                table.add_row(worker, Path(lane.clip).name, frames, rate)
            return table


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
