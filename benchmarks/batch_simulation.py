"""How long a large batch takes on many workers: the real schedule on a clock that is simulated.

    python benchmarks/batch_simulation.py
    python benchmarks/batch_simulation.py --jobs 1000000 --workers 512 --frames-per-s 12

Clips have lengths as recordings do (log-normal), and take the times that
`batch_throughput.py` and `batch_plan.py` measured.  Workers die at random and start again; what
they had is tried again by the schedule, from its last commit.  Compared is the time of the
whole with that of workers that are never idle, never die and cost nothing beside the tracking.
"""

import argparse
import heapq
import random
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.shared import Table
from vseg import __version__
from vseg.batch.batch_job import BatchJob
from vseg.batch.job_list import JobLine
from vseg.batch.manifest import JobStatus, Manifest
from vseg.batch.schedule import Attempt, Schedule, WorkerDeath
from vseg.config import SHARD_FRAMES
from vseg.results import SourceFingerprint

SPREAD = 1.0
"""Standard deviation of the logarithm of a clip's length: a tenth is 3.6 times the median."""


@dataclass(frozen=True, slots=True)
class SimulatedRow:
    """order: of the clips.  hours: of the whole, and of the ideal.  percent: what the
    ideal is of it.
    tail_hours: from when the first worker had nothing left to do.  deaths: of workers;
    set_aside: clips that lost two of them without a commit.  driver_s: what the schedule itself
    took, of this processor.
    """

    order: str
    jobs: int
    workers: int
    hours: float
    ideal_hours: float
    percent: float
    tail_hours: float
    deaths: int
    set_aside: int
    driver_s: float


@dataclass(slots=True)
class _Simulation:
    """Workers as the times at which they are free."""

    schedule: Schedule
    options: argparse.Namespace
    draw: random.Random
    reached: dict[str, int]
    deaths: int = 0
    set_aside: int = 0
    first_idle: float | None = None

    def run(self) -> float:
        """Seconds until the last job is done."""
        free = [(0.0, worker) for worker in range(self.options.workers)]
        ends: list[tuple[float, int, Attempt, bool]] = []
        now = 0.0
        while free or ends:
            while free and (attempt := self.schedule.take(max(now, free[0][0]))):
                begins, worker = heapq.heappop(free)
                heapq.heappush(ends, self._end(max(now, begins), worker, attempt))
            if free and self.first_idle is None:
                self.first_idle = now
            if not ends:
                if not self.schedule:
                    break
                now += 1.0  # what failed waits for its time
                continue
            now, worker, attempt, died = heapq.heappop(ends)
            self._ended(attempt, died, now)
            heapq.heappush(free, (now + (self.options.restart_s if died else 0.0), worker))
        return now

    def _end(
        self, now: float, worker: int, attempt: Attempt
    ) -> tuple[float, int, Attempt, bool]:
        """When the worker is done with the job, or dies of something else."""
        job = attempt.job.job_id
        left = attempt.job.source.size - self.reached.get(job, 0)
        needs_s = left / self.options.frames_per_s + self.options.per_job_s
        dies_s = self.draw.expovariate(1 / (3600 * self.options.lives_h))
        if dies_s >= needs_s:
            return now + needs_s, worker, attempt, False
        done = self.reached.get(job, 0) + int(dies_s * self.options.frames_per_s)
        self.reached[job] = max(self.reached.get(job, 0), done - done % SHARD_FRAMES)
        return now + dies_s, worker, attempt, True

    def _ended(self, attempt: Attempt, died: bool, now: float) -> None:
        if died:
            self.deaths += 1
            reached = self.reached[attempt.job.job_id]
            final = self.schedule.killed(attempt, WorkerDeath("worker", "died", reached), now)
            self.set_aside += final is not None
        else:
            self.schedule.ended(attempt, _complete(attempt), now)


def main() -> None:
    options = _options()
    draw = random.Random(options.seed)
    median = options.median_s * options.video_fps
    frames = [
        max(1, int(draw.lognormvariate(0, SPREAD) * median)) for _ in range(options.jobs)
    ]
    table = Table(SimulatedRow)
    for order, lengths in (
        ("longest first", sorted(frames, reverse=True)),
        ("as listed", frames),
    ):
        table.add(_simulated(order, lengths, options))
    table.write(options.json)


def _simulated(order: str, lengths: list[int], options: argparse.Namespace) -> SimulatedRow:
    schedule = Schedule((_job(number, frames), 0) for number, frames in enumerate(lengths))
    simulation = _Simulation(schedule, options, random.Random(options.seed), {})
    began = time.process_time()
    seconds = simulation.run() + options.start_s
    spent = time.process_time() - began
    ideal = sum(lengths) / options.frames_per_s / options.workers
    idle = seconds if simulation.first_idle is None else simulation.first_idle
    return SimulatedRow(
        order,
        len(lengths),
        options.workers,
        hours=seconds / 3600,
        ideal_hours=ideal / 3600,
        percent=100 * ideal / seconds,
        tail_hours=(seconds - idle) / 3600,
        deaths=simulation.deaths,
        set_aside=simulation.set_aside,
        driver_s=spent,
    )


def _job(number: int, frames: int) -> BatchJob:
    """A job whose size is its number of frames."""
    source = SourceFingerprint(path="a.mp4", size=frames, sha256="0" * 64)
    return BatchJob(job_id=f"{number:016x}", line=JobLine(clip="a.mp4"), source=source)


def _complete(attempt: Attempt) -> Manifest:
    return Manifest(
        job_id=attempt.job.job_id,
        clip="a.mp4",
        status=JobStatus.COMPLETE,
        attempts=attempt.number,
        worker="worker",
        seconds=0.0,
        frames=1,
        vseg_version=__version__,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--frames-per-s", type=float, default=12.0, help="of a worker")
    parser.add_argument("--median-s", type=float, default=20.0, help="of the clips' lengths")
    parser.add_argument("--video-fps", type=float, default=30.0)
    parser.add_argument("--per-job-s", type=float, default=0.5, help="beside the tracking")
    parser.add_argument("--start-s", type=float, default=20.0, help="planning and starting")
    parser.add_argument("--restart-s", type=float, default=10.0, help="of a worker that died")
    parser.add_argument("--lives-h", type=float, default=24.0, help="a worker, on average")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
