"""Which job is next, and what becomes of one that failed.

Enters: the jobs of a plan, and what workers say of them.  Leaves: jobs to do, and manifests to
write.  It runs nothing and reads no clock: both engines use it.
"""

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass

from vseg import __version__
from vseg.batch.batch_job import BatchJob
from vseg.batch.manifest import JobError, JobStatus, Manifest
from vseg.io.stores import unsigned

MAX_TRIES = 3
"""What fails twice more was no passing fault."""
MAX_KILLED = 2
"""The first worker may have died of something else."""
BACK_OFF_S = 2.0
"""Doubled with every try: time in which another process may free memory, device or disk."""


@dataclass(slots=True)
class Attempt:
    """A job in the hands of a worker.

    number: how often it was begun, over all starts of the batch.  tries: how often it failed
    in this one, and once more; killed: how many workers it took with it since frames of it
    were last committed; reached: how many were then.  again: why it is tried again.
    """

    job: BatchJob
    number: int
    tries: int = 1
    killed: int = 0
    reached: int = 0
    again: JobError | None = None


@dataclass(frozen=True, slots=True)
class WorkerDeath:
    """A worker that died of a job, or with it.  how: in words.  reached: how many frames of
    the job were committed by then.
    """

    worker: str
    how: str
    reached: int = 0


class Schedule:
    """Jobs in the order given; those that failed again, later; one that joins stretches of a
    clip, after the last of them.
    """

    def __init__(self, jobs: Iterable[tuple[BatchJob, int]]) -> None:
        """Jobs with how often each was begun by earlier starts of the batch."""
        # Of a job that waits there is only the text: a fifth of what its values take.
        self._waiting: deque[tuple[str, int]] = deque()
        self._joints: dict[str, tuple[str, int]] = {}
        self._parts: Counter[str] = Counter()
        for job, before in jobs:
            waiting = job.model_dump_json(), before + 1
            if job.parts:
                self._joints[job.job_id] = waiting
            else:
                self._waiting.append(waiting)
            if job.part_of is not None:
                self._parts[job.part_of] += 1
        for joint in [joint for joint in self._joints if not self._parts[joint]]:
            self._waiting.append(self._joints.pop(joint))
        self._later: list[tuple[float, int, int, Attempt]] = []
        # Of two that may begin at one moment, and were begun equally often, the earlier one.
        self._count = itertools.count()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._later)

    def take(self, now: float) -> Attempt | None:
        """The next job; None if none may begin yet."""
        if self._later and self._later[0][0] <= now:
            return heapq.heappop(self._later)[-1]
        if not self._waiting:
            return None
        text, number = self._waiting.popleft()
        return Attempt(BatchJob.model_validate_json(text), number)

    def ended(self, attempt: Attempt, manifest: Manifest, now: float) -> Manifest | None:
        """What is to be written; None if the job is tried again."""
        if manifest.status is JobStatus.WAITING:
            return None
        if manifest.status is JobStatus.BUSY:
            # Who writes the run ends it, or dies; neither says anything of the clip.
            attempt.again = manifest.error
            self._put(attempt, now + BACK_OFF_S)
            return None
        if manifest.status is not JobStatus.FAILED or attempt.tries >= MAX_TRIES:
            return manifest
        attempt.again = manifest.error
        begins = now + BACK_OFF_S * 2 ** (attempt.tries - 1)
        attempt.tries += 1
        attempt.number += 1
        self._put(attempt, begins)
        return None

    def settled(self, final: Manifest, attempt: Attempt) -> None:
        """Take note that a manifest is written: the last stretch lets its clip be joined."""
        joint = attempt.job.part_of
        if joint is None or not final.status.is_final:
            return
        self._parts[joint] -= 1
        if not self._parts[joint] and joint in self._joints:
            self._waiting.append(self._joints.pop(joint))

    def killed(self, attempt: Attempt, death: WorkerDeath, now: float) -> Manifest | None:
        """The same for a job whose worker died.  A clip that got further before the next
        worker died did not kill the first one.
        """
        if death.reached > attempt.reached:
            attempt.reached = death.reached
            attempt.killed = 0
        attempt.killed += 1
        reason = JobError(
            type="WorkerDied",
            message=f"it took {attempt.killed} workers with it; the last one {death.how}",
            hint="is the memory enough for this clip?  `vseg batch retry` tries it again",
        )
        if attempt.killed < MAX_KILLED:
            attempt.again = reason.model_copy(update={"message": f"its worker {death.how}"})
            attempt.number += 1
            self._put(attempt, now + BACK_OFF_S)
            return None
        return Manifest(
            job_id=attempt.job.job_id,
            clip=unsigned(attempt.job.line.clip),
            status=JobStatus.POISON,
            attempts=attempt.number,
            worker=death.worker,
            seconds=0.0,
            frames=0,
            error=reason,
            vseg_version=__version__,
        )

    def postponed(self, attempt: Attempt, now: float) -> None:
        """Try a job again that was not begun: its worker was not there."""
        self._put(attempt, now + BACK_OFF_S)

    def _put(self, attempt: Attempt, begins: float) -> None:
        heapq.heappush(self._later, (begins, attempt.number, next(self._count), attempt))
