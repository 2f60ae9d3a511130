"""What is left of a batch: the jobs of a plan that are not done, and this machine's share.

Enters: a plan, and manifests.  Leaves: jobs to do.  A job is begun anew only where nothing of
it is there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vseg.batch.batch_job import BatchJob
from vseg.batch.manifest import JobStatus, Manifest, manifest_name, read_manifest
from vseg.batch.place import Place
from vseg.batch.planning import PlannedJob, read_plan
from vseg.errors import BadRun, UsageError


@dataclass(frozen=True, slots=True)
class MachineShare:
    """Every so-manieth job of a plan: those of one machine of several.  index: from 0."""

    index: int
    count: int

    def of(self, plan: Iterable[PlannedJob]) -> list[int]:
        """Which jobs of a plan are this shard's: about as much work as those of any other.
        Stretches are joined by any machine that has one: the last.
        """
        own: list[int] = []
        joints: dict[str, int] = {}
        needed: set[str | None] = set()
        tracking = 0
        for number, planned in enumerate(plan):
            if planned.job is not None and planned.job.parts:
                joints[planned.job.job_id] = number
                continue
            if tracking % self.count == self.index:
                own.append(number)
                needed.add(planned.job.part_of if planned.job is not None else None)
            tracking += 1
        return [*own, *(number for joint, number in joints.items() if joint in needed)]


def parse_share(text: str) -> MachineShare:
    """`2/8` is the third of eight.  Raises UsageError."""
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        raise UsageError(
            f"--shard {text} is no share", hint="from 0/8 to 7/8, one on each of 8 machines"
        )
    return MachineShare(int(index), int(count))


def share_of_environment(environment: Mapping[str, str]) -> MachineShare | None:
    """This machine's share as a Slurm array or a Kubernetes indexed job says it; None where
    neither does.  Raises UsageError for half of it.
    """
    names = (
        ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN"),
        ("JOB_COMPLETION_INDEX", "VSEG_SHARDS", ""),
    )
    for index, count, least in names:
        if index in environment:
            if count not in environment:
                raise UsageError(
                    f"{index} is set, but not {count}: of how many?", hint="--shard 0/8"
                )
            begin = int(environment.get(least, "0"))
            return parse_share(f"{int(environment[index]) - begin}/{environment[count]}")
    return None


def unfinished(place: Place, plan: Iterable[PlannedJob]) -> Iterator[tuple[BatchJob, int]]:
    """The jobs that are to be done, each with how often it was begun before.

    A job is done when its manifest says so and its run is there; a stretch of a clip also when
    it was joined to the others.  Raises BadRun for a damaged manifest.
    """
    joined: dict[str, bool] = {}
    for planned in plan:
        if planned.job is None:
            continue
        joint = planned.job.part_of
        if joint is not None:
            if joint not in joined:
                joined[joint] = place.has_run(joint)
            if joined[joint]:
                continue
        manifest = read_manifest(place, planned.job.job_id)
        if manifest is None:
            yield planned.job, 0
        elif is_to_do(place, manifest):
            yield planned.job, manifest.attempts


def is_to_do(place: Place, manifest: Manifest) -> bool:
    """Whether a job is to be done although it ended somehow."""
    if not manifest.status.has_run:
        return not manifest.status.is_final
    return not place.has_run(manifest.job_id)


def forget_failures(place: Place, job_ids: Sequence[str] = ()) -> list[str]:
    """Let jobs that came to nothing be done again, from their first frame: those named, or
    all.  The ids of the jobs.

    Raises BadRun for an id that the plan has not.
    """
    plan = [p.job.job_id for p in read_plan(place) if p.job is not None]
    unknown = set(job_ids).difference(plan)
    if unknown:
        raise BadRun(
            f"{place.name} has no job {min(unknown)}",
            hint=f"`vseg batch status {place.name}` lists them",
        )
    forgotten = []
    for job_id in job_ids or plan:
        manifest = read_manifest(place, job_id)
        if manifest is None or (manifest.status.has_run and not job_ids):
            continue
        if manifest.status is not JobStatus.INTERRUPTED:
            place.drop(job_id)
        place.remove(manifest_name(job_id))
        forgotten.append(job_id)
    return forgotten


def check_batch(place: Place) -> None:
    """Raise BadRun unless there is a plan."""
    if not read_plan(place):
        raise BadRun(
            f"{place.name} is no batch: it has no plan",
            hint="vseg batch 'clips/*.mp4' -o OUT ...",
        )
