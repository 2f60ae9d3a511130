"""A training run's progress on stderr."""

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from vseg.cli.progress import ProgressReport
from vseg.interfaces.closing import Closing

if TYPE_CHECKING:
    from vseg.training.loop import Report


def print_steps(stage: str, report: "Report") -> None:
    """Print a report as one line: the means since the last one, the rate and the time left."""
    means = ", ".join(f"{name} {value:.4f}" for name, value in report.means.items())
    left_min = (report.steps - report.step) / report.steps_per_s / 60
    print(
        f"{stage}: {report.step}/{report.steps}, {means}, {report.steps_per_s:.2f} steps/s, "
        f"{left_min:.0f} min left",
        file=sys.stderr,
        flush=True,
    )


def print_licence(teacher: str, licence: str) -> None:
    """Print the licence of a teacher, before anything is learned of it."""
    print(
        f"teacher {teacher}: licence {licence}; it may bind what is distilled from it",
        file=sys.stderr,
        flush=True,
    )


class TeacherReport(Closing):
    """Progress of the teacher's encoding of all images, shown only while it runs.

    Call it with (done, total); use it as a context manager.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._shown: ProgressReport | None = None

    def __call__(self, done: int, total: int) -> None:
        """Note that the teacher has encoded `done` of `total` images."""
        if self._shown is None:
            self._shown = self._stack.enter_context(ProgressReport("teacher"))
        self._shown(done, total)
        if done == total:
            self._stack.close()

    def close(self) -> None:
        """Show no more."""
        self._stack.close()
