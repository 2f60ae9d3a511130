"""The job that joins the stretches of a clip, done by the worker that has the last of them.

Enters: a job with parts.  Leaves: its run, in place of theirs.
"""

from collections.abc import Callable
from pathlib import Path

from vseg.analysis.join_stretches import join_stretches
from vseg.batch.batch_job import BatchJob
from vseg.batch.manifest import read_manifest
from vseg.batch.place import Place
from vseg.batch.remaining import is_to_do
from vseg.build import open_run
from vseg.errors import BadRun
from vseg.results.layout import RunState, read_header, run_state
from vseg.results.records import RunHeader


class StretchesMissing(Exception):
    """Not all stretches are done: whoever does the last one joins them."""


def join_parts(
    job: BatchJob, place: Place, on_frame: Callable[[int, int], None]
) -> tuple[RunHeader, int]:
    """Join the runs of a job's stretches: the header of the run, and how many frames it has.

    Raises StretchesMissing, and BadRun for a stretch that came to nothing.
    """
    out = place.take(job.job_id)
    if run_state(out) is not RunState.FINISHED:
        _check_parts(job, place)
        folders = [place.take(part) for part in job.parts]
        join_stretches(folders, out, _asked(job, folders), on_frame)
    place.give(job.job_id)
    for part in job.parts:
        place.drop(part)
    run = open_run(out, revision=0)
    frames = len(run)
    place.release(job.job_id)
    return run.header, frames


def _check_parts(job: BatchJob, place: Place) -> None:
    for number, part in enumerate(job.parts, start=1):
        manifest = read_manifest(place, part)
        if manifest is None or is_to_do(place, manifest):
            raise StretchesMissing
        if not manifest.status.has_run:
            told = f": {manifest.error.message}" if manifest.error else ""
            raise BadRun(
                f"stretch {number} of {len(job.parts)} is {manifest.status}{told}",
                hint=f"vseg batch retry {place.name}",
            )


def _asked(job: BatchJob, folders: list[Path]) -> RunHeader:
    """The header of the whole, from those of its stretches."""
    first = read_header(folders[0])
    last = read_header(folders[-1])
    assert first.frame_range is not None and last.frame_range is not None
    whole = job.line.settings.get("range", ":")
    return first.model_copy(
        update={
            "frame_range": (first.frame_range[0], last.frame_range[1]),
            "settings": first.settings | {"range": whole},
            "options": first.options | {"split": job.line.split, "stretches": len(folders)},
        }
    )
