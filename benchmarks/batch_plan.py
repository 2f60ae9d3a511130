"""What a batch of many tiny jobs costs beside the tracking: a simulation.

    python benchmarks/batch_plan.py --jobs 1000 10000

The clips are files of a few bytes and nobody tracks them: a manifest is written for each job as
soon as the schedule gives it out.  Per job: planning, planning again, finding what is left,
scheduling with its manifest, and the overview; and how much memory the process took in all.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.shared import Table
from vseg import __version__
from vseg.batch.job_list import read_jobs
from vseg.batch.manifest import JobStatus, Manifest, write_manifest
from vseg.batch.overview import overview
from vseg.batch.place import FolderPlace
from vseg.batch.planning import make_plan
from vseg.batch.remaining import unfinished
from vseg.batch.schedule import Schedule

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One number of jobs: milliseconds per job, and MiB of the process at its peak."""

    jobs: int
    plan_ms: float
    again_ms: float
    left_ms: float
    schedule_ms: float
    overview_ms: float
    peak_mib: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, nargs="+", default=(1000, 10_000))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    table = Table(PlanRow)
    for jobs in options.jobs:
        with tempfile.TemporaryDirectory() as scratch:
            table.add(_measured(Path(scratch), jobs))
    table.write(options.json)


def _measured(folder: Path, jobs: int) -> PlanRow:
    clips = folder / "clips"
    clips.mkdir()
    for number in range(jobs):
        (clips / f"{number}.mp4").write_text(str(number))
    place = FolderPlace(folder / "out")
    asked = {"text": ["person"]}
    plan_ms, plan = _timed(jobs, lambda: make_plan(read_jobs(str(clips), asked), place))
    again_ms, _ = _timed(jobs, lambda: make_plan(read_jobs(str(clips), asked), place))
    left_ms, schedule = _timed(jobs, lambda: Schedule(unfinished(place, plan)))
    schedule_ms, _ = _timed(jobs, lambda: _done(place, schedule))
    overview_ms, seen = _timed(jobs, lambda: overview(place))
    assert seen.jobs[JobStatus.COMPLETE] == jobs
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return PlanRow(jobs, plan_ms, again_ms, left_ms, schedule_ms, overview_ms, peak)


def _done(place: FolderPlace, schedule: Schedule) -> None:
    while (attempt := schedule.take(time.monotonic())) is not None:
        job = attempt.job
        manifest = Manifest(
            job_id=job.job_id,
            clip=job.line.clip,
            status=JobStatus.COMPLETE,
            attempts=attempt.number,
            worker="nobody",
            seconds=0.0,
            frames=1,
            vseg_version=__version__,
        )
        final = schedule.ended(attempt, manifest, time.monotonic())
        assert final is not None
        write_manifest(place, final)


def _timed(jobs: int, work: Callable[[], Result]) -> tuple[float, Result]:
    began = time.perf_counter()
    result = work()
    return 1000 * (time.perf_counter() - began) / jobs, result


if __name__ == "__main__":
    main()
