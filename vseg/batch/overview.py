"""How a batch stands: counts by status, work done, and the jobs that came to nothing.

Enters: a batch's folder.  Leaves: an Overview.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vseg.batch.manifest import JobError, Manifest, read_manifest
from vseg.batch.place import FolderPlace, Place
from vseg.batch.planning import PLAN, PlannedJob, read_plan
from vseg.errors import BadRun

MOST_PROBLEMS = 1000
"""As many as anyone reads; the manifests have all."""
WAITING = "waiting"
UNREADABLE = "unreadable"
BEGUN = "begun"


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that came to nothing.  job_id: None for a clip that cannot be read."""

    clip: str
    status: str
    job_id: str | None
    attempts: int
    error: JobError | None


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A clip and where its run is.  job_id: None for a clip that cannot be read.  run: None
    where there is none yet, or will be none.
    """

    clip: str
    status: str
    job_id: str | None
    run: str | None
    frames: int


@dataclass(slots=True)
class Overview:
    """jobs: how many have which status.  frames, warnings: of the finished runs.  tracked: how
    many frames the last attempts at them tracked, in so many seconds of a worker.  problems:
    the first MOST_PROBLEMS.  stretches: of split clips, counted apart: a clip is complete when
    they are joined.
    """

    jobs: Counter[str] = field(default_factory=Counter)
    stretches: Counter[str] = field(default_factory=Counter)
    frames: int = 0
    tracked: int = 0
    seconds: float = 0.0
    warnings: int = 0
    problems: list[FailedJob] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.jobs.total()

    @property
    def is_finished(self) -> bool:
        """Whether another start would do nothing."""
        return not (self.jobs[WAITING] + self.jobs[BEGUN] + self.jobs["failed"])

    def facts(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {
            "jobs": {"total": self.total, **self.jobs},
            "finished": self.is_finished,
            **({"stretches": dict(self.stretches)} if self.stretches else {}),
            "frames": self.frames,
            "tracked": self.tracked,
            "seconds": round(self.seconds, 3),
            "warnings": self.warnings,
            "problems": [
                {
                    "clip": problem.clip,
                    "status": problem.status,
                    "job_id": problem.job_id,
                    "attempts": problem.attempts,
                    "error": problem.error and problem.error.model_dump(),
                }
                for problem in self.problems
            ],
        }


def overview(place: Place) -> Overview:
    """How the batch stands.  Raises BadRun if its files are damaged."""
    seen = Overview()
    for planned in read_plan(place):
        _count(seen, place, planned)
    return seen


def _count(seen: Overview, place: Place, planned: PlannedJob) -> None:
    if planned.job is None:
        seen.jobs[UNREADABLE] += 1
        _note(seen, FailedJob(planned.clip, UNREADABLE, None, 0, planned.error))
        return
    job_id = planned.job.job_id
    manifest = read_manifest(place, job_id)
    whole = planned.job.part_of is None
    counts = seen.jobs if whole else seen.stretches
    if manifest is None:
        counts[BEGUN if place.run_folder(job_id).exists() else WAITING] += 1
        return
    _add(seen, counts, manifest, whole=whole)


def listed_jobs(place: Place) -> Iterator[ListedJob]:
    """Every clip in the plan's order; those of equal content have one run.  Raises BadRun if
    files are damaged.
    """
    for planned in read_plan(place):
        if planned.job is None:
            yield ListedJob(planned.clip, UNREADABLE, None, None, 0)
        elif planned.job.part_of is None:
            for clip in (planned.clip, *planned.same):
                yield _listed(place, clip, planned.job.job_id)


def _listed(place: Place, clip: str, job_id: str) -> ListedJob:
    manifest = read_manifest(place, job_id)
    begun = place.run_folder(job_id).exists()
    has_run = begun or (manifest is not None and manifest.status.has_run)
    run = f"{place.name}/jobs/{job_id}" if has_run else None
    if manifest is None:
        return ListedJob(clip, BEGUN if begun else WAITING, job_id, run, 0)
    return ListedJob(clip, manifest.status.value, job_id, run, manifest.frames)


def _add(seen: Overview, counts: Counter[str], manifest: Manifest, *, whole: bool) -> None:
    status = manifest.status
    if not status.is_wrong and not status.is_final:
        counts[BEGUN] += 1
        return
    counts[status.value] += 1
    if status.has_run:
        seen.tracked += manifest.tracked
        seen.seconds += manifest.seconds
    if status.has_run and whole:
        seen.frames += manifest.frames
        seen.warnings += manifest.warnings
    if status.is_wrong:
        clip = manifest.clip
        error = manifest.error
        _note(seen, FailedJob(clip, status.value, manifest.job_id, manifest.attempts, error))


def _note(seen: Overview, problem: FailedJob) -> None:
    if len(seen.problems) < MOST_PROBLEMS:
        seen.problems.append(problem)


def finished_jobs(place: Place) -> list[str]:
    """The ids of the jobs that have a finished run, in the plan's order; no stretches."""
    planned_jobs = (planned.job for planned in read_plan(place))
    ids = [job.job_id for job in planned_jobs if job is not None and job.part_of is None]
    manifests = ((job_id, read_manifest(place, job_id)) for job_id in ids)
    return [job_id for job_id, known in manifests if known and known.status.has_run]


def with_runs_of_batches(paths: Iterable[str | Path]) -> list[Path]:
    """Run folders as they are; the folder of a batch stands for its finished runs.

    Raises BadRun for a batch that has none.
    """
    folders: list[Path] = []
    for path in map(Path, paths):
        place = FolderPlace(path)
        if place.read(PLAN) is None:
            folders.append(path)
            continue
        done = [place.run_folder(job_id) for job_id in finished_jobs(place)]
        if not done:
            raise BadRun(
                f"no job of the batch {path} is done", hint=f"vseg batch status {path}"
            )
        folders += done
    return folders
