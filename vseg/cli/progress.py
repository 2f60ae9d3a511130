"""Progress on stderr: a live bar in a terminal, one line every ten seconds anywhere else."""

import sys
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from vseg.ops.counted import counted


class ProgressReport:
    """Call it with (done, total); it shows the rate and the time left.  Use as a context
    manager.
    """

    def __init__(self, label: str, *, every_s: float = 10.0) -> None:
        self._label = label
        self._every_s = every_s
        self._spoke = time.monotonic()
        self._first: tuple[int, float] | None = None
        console = Console(stderr=True)
        self._bar = (
            Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]:.1f} frames/s"),
                TimeRemainingColumn(),
                console=console,
                transient=True,
            )
            if console.is_terminal
            else None
        )
        self._task = self._bar.add_task(label, total=None, rate=0.0) if self._bar else None

    def __enter__(self) -> "ProgressReport":
        self._spoke = time.monotonic()
        if self._bar:
            self._bar.start()
        return self

    def __call__(self, done: int, total: int | None) -> None:
        """Note that `done` of `total` frames are finished."""
        now = time.monotonic()
        # What an earlier run did says nothing about today's rate, nor does what was loaded
        # before the first frame.
        if self._first is None:
            self._first = done, now
        first, began = self._first
        rate = (done - first) / max(now - began, 1e-6)
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=done, total=total, rate=rate)
        elif now - self._spoke >= self._every_s:
            self._spoke = now
            print(_line(self._label, done, total, rate), file=sys.stderr, flush=True)

    def stage(self, label: str) -> Callable[[int, int | None], None]:
        """The same for what comes next: its first call begins anew under this label."""

        def report(done: int, total: int | None) -> None:
            if self._label != label:
                self._label = label
                self._first = None
                self._spoke = time.monotonic()
                if self._bar and self._task is not None:
                    self._bar.update(self._task, description=label)
            self(done, total)

        return report

    def note(self, text: str) -> None:
        """Say what takes long before there is progress to show."""
        if self._bar:
            self._bar.console.print(f"{self._label}: {text}")
        else:
            print(f"{self._label}: {text}", file=sys.stderr, flush=True)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()


def _line(label: str, done: int, total: int | None, rate: float) -> str:
    """One progress line: how far, and once that is known how fast and how long to go."""
    far = counted(done, "frame")
    if total is not None:
        far = f"{done}/{total} frames ({100 * done // max(total, 1)} %)"
    if rate <= 0:
        return f"{label}: {far}"
    fast = f"{label}: {far}, {rate:.1f} frames/s"
    if total is None:
        return fast
    left_s = round((total - done) / rate)
    return f"{fast}, {left_s // 60}:{left_s % 60:02d} left"
