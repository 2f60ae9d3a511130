"""Which job is next, and what becomes of one that failed.

Enters: the jobs of a plan, and what workers say of them.  Leaves: jobs to do, and manifests to
write.  It runs nothing and reads no clock: both engines use it.
"""

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from vseg import __version__
from vseg.batch.batch_job import BatchJob
from vseg.batch.manifest import JobError, JobStatus, Manifest

MAX_TRIES = 3
"""What fails twice more was no passing fault."""
MAX_KILLED = 2
"""The first worker may have died of something else."""
BACK_OFF_S = 2.0
"""Doubled with every try: time in which another process may free memory, device or disk."""


@dataclass(slots=True)
class Attempt:
    """A job in the hands of a worker.

    number: how often it was begun, over all starts of the batch.  tries: in this one; killed:
    how many workers it took with it.
    """

    job: BatchJob
    number: int
    tries: int = 1
    killed: int = 0


class Schedule:
    """Jobs in the order given; those that failed again, later."""

    def __init__(self, jobs: Iterable[tuple[BatchJob, int]]) -> None:
        """Jobs with how often each was begun by earlier starts of the batch."""
        self._waiting = deque(Attempt(job, before + 1) for job, before in jobs)
        self._later: list[tuple[float, int, Attempt]] = []

    def __len__(self) -> int:
        return len(self._waiting) + len(self._later)

    def take(self, now: float) -> Attempt | None:
        """The next job; None if none may begin yet."""
        if self._later and self._later[0][0] <= now:
            return heapq.heappop(self._later)[2]
        return self._waiting.popleft() if self._waiting else None

    def ended(self, attempt: Attempt, manifest: Manifest, now: float) -> Manifest | None:
        """What is to be written; None if the job is tried again."""
        if manifest.status is not JobStatus.FAILED or attempt.tries >= MAX_TRIES:
            return manifest
        self._again(attempt, now)
        return None

    def killed(self, attempt: Attempt, worker: str, how: str, now: float) -> Manifest | None:
        """The same for a job whose worker died."""
        attempt.killed += 1
        if attempt.killed < MAX_KILLED:
            self._again(attempt, now)
            return None
        return Manifest(
            job_id=attempt.job.job_id,
            clip=attempt.job.line.clip,
            status=JobStatus.POISON,
            attempts=attempt.number,
            worker=worker,
            seconds=0.0,
            frames=0,
            error=JobError(
                type="WorkerDied",
                message=f"it took {attempt.killed} workers with it; the last one {how}",
                hint="is the memory enough for this clip?  `vseg batch retry` tries it again",
            ),
            vseg_version=__version__,
        )

    def _again(self, attempt: Attempt, now: float) -> None:
        begins = now + BACK_OFF_S * 2 ** (attempt.tries - 1)
        attempt.tries += 1
        attempt.number += 1
        # Of two that may begin at one moment the one that was begun more often waits.
        heapq.heappush(self._later, (begins, attempt.number, attempt))
