"""How a batch goes, as a text file for Prometheus (the node exporter's textfile collector).

Enters: what an engine tells.  Leaves: one file, replaced whole every few seconds.
"""

import threading
import time
from collections import Counter
from pathlib import Path

from vseg.batch.manifest import JobStatus, Manifest
from vseg.batch.schedule import Attempt
from vseg.batch.watcher import BatchWatcher
from vseg.io.files import atomic_write_text

_EVERY_S = 5.0
"""Prometheus asks every 15 s unless it is told otherwise."""
_ENDS = [status for status in JobStatus if status.is_stored]


class MetricsFile:
    """A BatchWatcher that writes, and passes on to another one.

    Frames are those tracked since this start, also of jobs that are not done.
    """

    def __init__(self, path: Path, jobs: int, beside: BatchWatcher) -> None:
        """jobs: how many are to be done.  Raises OutputError if the file cannot be written."""
        self._path = path
        self._jobs = jobs
        self._beside = beside
        self._ended: Counter[JobStatus] = Counter()
        self._retried = 0
        self._frames = 0
        self._at: dict[str, int | None] = {}
        self._lock = threading.Lock()
        self._write()

    def begins(self, worker: str, attempt: Attempt) -> None:
        """A worker takes a job."""
        with self._lock:
            self._at[worker] = None
        self._beside.begins(worker, attempt)

    def advances(self, worker: str, done: int, total: int) -> None:
        """So many frames of its job are tracked; those of an earlier start do not count."""
        with self._lock:
            before = self._at[worker]
            self._frames += 1 if before is None else max(0, done - before)
            self._at[worker] = done
            if time.monotonic() - self._wrote >= _EVERY_S:
                self._write()
        self._beside.advances(worker, done, total)

    def ends(self, worker: str, attempt: Attempt, ended: Manifest | None) -> None:
        """How its job ended; None if it is tried again or continued later."""
        with self._lock:
            self._at.pop(worker)
            if ended is None:
                self._retried += 1
            else:
                self._ended[ended.status] += 1
            self._write()
        self._beside.ends(worker, attempt, ended)

    def _write(self) -> None:
        self._wrote = time.monotonic()
        waiting = self._jobs - self._ended.total() - len(self._at)
        lines = [
            "# HELP vseg_batch_jobs Jobs of this start, by how they ended.",
            "# TYPE vseg_batch_jobs gauge",
            *(f'vseg_batch_jobs{{status="{s}"}} {self._ended[s]}' for s in _ENDS),
            f'vseg_batch_jobs{{status="waiting"}} {max(0, waiting)}',
            f'vseg_batch_jobs{{status="running"}} {len(self._at)}',
            "# HELP vseg_batch_retries_total Attempts after which a job was begun again.",
            "# TYPE vseg_batch_retries_total counter",
            f"vseg_batch_retries_total {self._retried}",
            "# HELP vseg_batch_frames_total Frames tracked.",
            "# TYPE vseg_batch_frames_total counter",
            f"vseg_batch_frames_total {self._frames}",
        ]
        atomic_write_text(self._path, "\n".join(lines) + "\n")
