"""A worker of the local engine: `python -m vseg.batch.worker_main OUT NAME`.

Enters: jobs on stdin, a JSON line each.  Leaves: progress and manifests on stdout.  SIGTERM
and SIGINT end it once the frame at hand is committed; so does the end of stdin.
"""

import os
import signal
import sys
import threading
import time

from vseg.batch.place import open_place
from vseg.batch.run_clip import ClipRunner
from vseg.batch.worker_messages import Advance, BeginJob, End
from vseg.pipelines.job import ProgressCallbacks
from vseg.results.records import Record

_EVERY_S = 0.5
"""Between two lines of progress: often enough for a table that people watch."""


class _Reporter:
    """Writes to the driver; a pipe that is closed ends the job as a signal does."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._spoke = 0.0
        # Whatever a library prints is not for the driver.
        self._pipe = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(self, message: Record) -> None:
        try:
            self._pipe.write(message.model_dump_json() + "\n")
        except OSError:  # the driver is gone; what was tracked is committed
            self.stopped.set()

    def advance(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._spoke >= _EVERY_S:
            self._spoke = now
            self.say(Advance(done=done, total=total))


def main(out: str, name: str) -> None:
    """Do jobs until there are no more, or the worker is told to stop."""
    reporter = _Reporter()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: reporter.stopped.set())
    callbacks = ProgressCallbacks(reporter.advance, reporter.stopped.is_set)
    runner = ClipRunner(open_place(out), name)
    for line in sys.stdin:
        begin = BeginJob.model_validate_json(line)
        reporter.say(End(manifest=runner.run(begin.job, begin.attempt, callbacks)))
        if reporter.stopped.is_set():
            break


if __name__ == "__main__":
    main(*sys.argv[1:])
