"""From a list of jobs to a plan: every job with its id, each once.

Enters: the lines of a list.  Leaves: OUT/plan.jsonl, a BatchJob on each line, the longest
clips first.  A clip whose size and time of change are those of an earlier plan is not read
again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path

from pydantic import ValidationError

from vseg.batch.batch_job import BatchJob, identified
from vseg.batch.clip_cache import shared_cache, stored_source
from vseg.batch.job_list import JobLine
from vseg.batch.manifest import JobError
from vseg.batch.place import Place
from vseg.batch.stretches import split_jobs
from vseg.errors import BadRun, ModelError, VsegError
from vseg.io.files import check_exists
from vseg.io.stores import Store, is_address
from vseg.results.fingerprint import fingerprint
from vseg.results.records import Record, SourceFingerprint

PLAN = "plan.jsonl"


class PlannedJob(Record):
    """A line of the plan.  version: of the clip, by which a change is noticed without reading
    it.  error: why nothing can be done with it; then `job` is None.
    """

    clip: str
    version: str
    job: BatchJob | None = None
    error: JobError | None = None


def make_plan(
    lines: Iterable[JobLine], place: Place, on_clip: Callable[[str], None] = lambda clip: None
) -> list[PlannedJob]:
    """The jobs, each once, those of the largest clips first;
    also stored as the plan.

    on_clip(clip): called before a clip is read.  A clip that cannot be read has a line with
    its error.  Raises ModelError for weights that are not there, and OutputError.
    """
    former = list(read_plan(place))
    known = {planned.clip: planned for planned in former}
    jobs = {planned.job.job_id: planned.job for planned in former if planned.job}
    plan: dict[str, PlannedJob] = {}
    for line in lines:
        on_clip(line.clip)
        for planned in _planned(line, known.get(line.clip), jobs):
            name = planned.job.job_id if planned.job else f"clip {line.clip}"
            plan.setdefault(name, planned)
    ordered = sorted(plan.values(), key=lambda p: -p.job.work_bytes if p.job else 0)
    place.write(PLAN, "".join(p.model_dump_json() + "\n" for p in ordered).encode())
    return ordered


def read_plan(place: Place) -> Iterator[PlannedJob]:
    """The jobs of the plan; none where there is no plan.  Raises BadRun."""
    content = place.read(PLAN) or b""
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            yield PlannedJob.model_validate_json(line)
        except ValidationError as error:
            raise BadRun(
                f"{place.name}/{PLAN} is damaged in line {number}",
                hint="delete it, and give the list of jobs again: what is done is kept",
            ) from error


def _planned(
    line: JobLine, known: PlannedJob | None, former: Mapping[str, BatchJob]
) -> list[PlannedJob]:
    """The job of a line, or the jobs of its stretches with the one that joins them."""
    version = ""
    try:
        source, version = _source(line.clip, known)
        job = identified(line, source)
        jobs = [job] if line.split is None else _stretches(job, former)
    except ModelError:
        raise
    except VsegError as error:
        return [PlannedJob(clip=line.clip, version=version, error=JobError.of(error))]
    return [PlannedJob(clip=line.clip, version=version, job=job) for job in jobs]


def _stretches(job: BatchJob, former: Mapping[str, BatchJob]) -> list[BatchJob]:
    """The jobs of a clip that is split; the clip is opened unless an earlier plan has them."""
    known = former.get(job.job_id)
    if known is not None and all(part in former for part in known.parts):
        return [*(former[part] for part in known.parts), known]
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
    status = path.stat()
    version = f"{status.st_size} {status.st_mtime_ns}"
    seen_job = known.job if known is not None and known.version == version else None
    # The files of a folder change without it.
    if seen_job is not None and path.is_file():
        return seen_job.source, version
    return fingerprint(path), version
