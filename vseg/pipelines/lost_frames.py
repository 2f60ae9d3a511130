"""Computes again what a run lost of what it had committed, before it goes on.

Enters: a task to resume.  Leaves: the run without losses.  The frames are tracked from the
first one, because the session is saved at the last commit only; those of whole shards
are not written.  What is computed again is what an undisturbed run would hold, bit for bit.
"""

from dataclasses import dataclass

from vseg.pipelines.frame_loop import FrameLoop
from vseg.pipelines.passes import again, passes_of
from vseg.pipelines.prepare import Task
from vseg.results.layout import RunState, run_state
from vseg.results.lost_parts import LostParts, lost_parts_of
from vseg.results.mending import LostShardWriter
from vseg.results.records import RunHeader
from vseg.results.verify import verify_run
from vseg.results.writer import RunWriter


@dataclass(frozen=True, slots=True)
class Mended:
    """notes: what was lost, and which frames were computed again.

    stopped: the run's header if the callbacks ended it before all was written.
    """

    notes: tuple[str, ...] = ()
    stopped: RunHeader | None = None


def mend(task: Task, loop: FrameLoop) -> Mended:
    """Check every committed part of the run that a job resumes, and make lost ones anew.

    Raises BadRun as `verify_run` does, and whatever tracking raises.
    """
    job = task.job
    if not job.resume or run_state(job.out) is RunState.ABSENT:
        return Mended()
    header = verify_run(job.out, task.header, task.prompts)
    losses = lost_parts_of(job.out, header)
    if losses.whole:
        RunWriter.create(job.out, task.header, task.prompts, overwrite=True)
        return Mended((f"all frames are computed again: {losses.whole}",))
    halfway = header.progress is not None and header.progress.tracked
    if not losses and not halfway:
        return Mended()
    writer = LostShardWriter(job.out, header, losses)
    state = _track_again(task, loop, writer, losses)
    if not writer.stopped:
        writer.mend(state)
    return Mended(_notes(losses, writer), writer.header if writer.stopped else None)


def _track_again(
    task: Task, loop: FrameLoop, writer: LostShardWriter, losses: LostParts
) -> bytes | None:
    """Track what the lost shards and the state need; the state after the last commit."""
    frames = writer.lost_frames
    lost = (frames[0][0], frames[-1][1]) if frames else None
    passes = passes_of((task.first, task.stop), task.prompts, task.job.config.direction)
    chosen = again(passes, writer.progress, lost, state=bool(losses.state))
    return loop.again(chosen, writer) if chosen else None


def _notes(losses: LostParts, writer: LostShardWriter) -> tuple[str, ...]:
    notes = [f"computed again: {reason}" for reason in losses.reasons]
    spans = ", ".join(f"{first} to {last}" for first, last in writer.lost_frames)
    return (*notes, f"frames {spans} were computed again") if spans else tuple(notes)
