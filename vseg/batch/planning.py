"""From a list of jobs to a plan: every job with its id, each once.

Enters: the lines of a list.  Leaves: OUT/plan.jsonl, a BatchJob on each line, the longest
clips first.  A clip whose size and time of change are those of an earlier plan is not read
again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

from pydantic import ValidationError

from vseg.batch.batch_job import BatchJob, identified
from vseg.batch.clip_cache import shared_cache, stored_source
from vseg.batch.job_list import JobLine, RefusedClip
from vseg.batch.manifest import JobError
from vseg.batch.place import Place
from vseg.batch.stretches import split_jobs
from vseg.errors import BadRun, BadVideo, ModelError, UsageError, VsegError
from vseg.io.files import check_exists
from vseg.io.stores import Store, is_address
from vseg.results.fingerprint import fingerprint
from vseg.results.records import Record, SourceFingerprint

PLAN = "plan.jsonl"


class PlannedJob(Record):
    """A line of the plan.  version: of the clip, by which a change is noticed without reading
    it.  error: why nothing can be done with it; then `job` is None.  same: further clips with
    this content, for which the job's run stands too.
    """

    clip: str
    version: str
    job: BatchJob | None = None
    error: JobError | None = None
    same: tuple[str, ...] = ()


class Plan:
    """The jobs of a batch, as text until one is asked for: lists are long.

    Raises BadRun where the text is damaged.
    """

    def __init__(self, lines: Sequence[bytes], name: str) -> None:
        self._lines = lines
        self._name = name

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[PlannedJob]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, number: int) -> PlannedJob:
        try:
            return PlannedJob.model_validate_json(self._lines[number])
        except ValidationError as error:
            raise BadRun(
                f"{self._name} is damaged in line {number + 1}",
                hint="delete it, and give the list of jobs again: what is done is kept",
            ) from error


def make_plan(
    lines: Iterable[JobLine | RefusedClip],
    place: Place,
    on_clip: Callable[[str], None] = lambda clip: None,
) -> Plan:
    """The jobs, each once, those of the largest clips first; also stored as the plan.

    on_clip(clip): called before a clip is read.  A clip that cannot be read has a line with
    its error.  Raises ModelError for weights that are not there, and OutputError.
    """
    former = _Former(read_plan(place))
    plan: dict[str, tuple[float, bytes]] = {}
    clips: dict[str, list[str]] = {}
    for line in lines:
        on_clip(line.clip)
        for planned in _planned(line, former):
            name = planned.job.job_id if planned.job else f"clip {line.clip}"
            work = planned.job.work_bytes if planned.job else 0.0
            plan.setdefault(name, (work, planned.model_dump_json().encode()))
            of_job = clips.setdefault(name, [])
            if planned.clip not in of_job:
                of_job.append(planned.clip)
    for name, (_, *others) in clips.items():
        if others:
            work, text = plan[name]
            first = PlannedJob.model_validate_json(text)
            known = first.model_copy(update={"same": tuple(others)})
            plan[name] = (work, known.model_dump_json().encode())
    ordered = [text for _, text in sorted(plan.values(), key=lambda one: -one[0])]
    place.write(PLAN, b"".join(text + b"\n" for text in ordered))
    return Plan(ordered, f"{place.name}/{PLAN}")


def read_plan(place: Place) -> Plan:
    """The jobs of the plan; none where there is no plan.  Raises BadRun."""
    content = place.read(PLAN) or b""
    return Plan(content.splitlines(), f"{place.name}/{PLAN}")


class _Former:
    """What an earlier plan knows, by clip and by job."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._clips: dict[str, int] = {}
        self._jobs: dict[str, int] = {}
        for number, planned in enumerate(plan):
            self._clips[planned.clip] = number
            if planned.job is not None and (planned.job.parts or planned.job.part_of):
                self._jobs[planned.job.job_id] = number

    def of_clip(self, clip: str) -> PlannedJob | None:
        return self._plan[self._clips[clip]] if clip in self._clips else None

    def split(self, job_id: str) -> list[BatchJob]:
        """The jobs of a clip that was split; none if it was not."""
        joint = self._job(job_id)
        parts = [self._job(part) for part in joint.parts] if joint else []
        jobs = [job for job in (*parts, joint) if job is not None]
        return jobs if joint and len(jobs) == len(joint.parts) + 1 else []

    def _job(self, job_id: str) -> BatchJob | None:
        return self._plan[self._jobs[job_id]].job if job_id in self._jobs else None


def _planned(line: JobLine | RefusedClip, former: _Former) -> list[PlannedJob]:
    """The job of a line, or the jobs of its stretches with the one that joins them."""
    if isinstance(line, RefusedClip):
        return [PlannedJob(clip=line.clip, version="", error=JobError.of(line.error))]
    version = ""
    try:
        source, version = _source(line.clip, former.of_clip(line.clip))
        job = identified(line, source)
        jobs = [job] if line.split is None else _stretches(job, former)
    except (ModelError, UsageError):  # that holds for all jobs
        raise
    except VsegError as error:
        return [PlannedJob(clip=line.clip, version=version, error=JobError.of(error))]
    return [PlannedJob(clip=line.clip, version=version, job=job) for job in jobs]


def _stretches(job: BatchJob, former: _Former) -> list[BatchJob]:
    """The jobs of a clip that is split; the clip is opened unless an earlier plan has them."""
    known = former.split(job.job_id)
    if known:
        return known
    clip = job.line.clip
    local = shared_cache().local(job.source) if is_address(clip) else nullcontext(Path(clip))
    with local as path:
        return split_jobs(job.line, job.source, path)


def _source(clip: str, known: PlannedJob | None) -> tuple[SourceFingerprint, str]:
    """What identifies a clip, and its version: of a store's, both are what the store says."""
    if is_address(clip):
        stored = Store(clip).describe(clip)
        return stored_source(stored), stored.version
    check_exists(clip)
    path = Path(clip)
    if not (path.is_file() or path.is_dir()):
        raise BadVideo(f"{clip} is neither a file nor a folder of images")
    status = path.stat()
    version = f"{status.st_size} {status.st_mtime_ns}"
    seen_job = known.job if known is not None and known.version == version else None
    # The files of a folder change without it.
    if seen_job is not None and path.is_file():
        return seen_job.source, version
    return fingerprint(path), version
