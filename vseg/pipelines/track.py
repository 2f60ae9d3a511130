"""A tracking job from start to end: source -> frames read ahead -> session -> run directory.

Enters: a TrackJob.  Leaves: a run directory and a JobOutcome.  A job that was killed goes on
after its last commit and leaves the same bits as one that was not; a finished one is not
computed again.  A pilot steers it: prompts take effect when the job reaches their frame, and
so do detections.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from vseg.build import open_run, open_video
from vseg.errors import DamagedVideo, NothingFound
from vseg.interfaces.model import Model
from vseg.pipelines.driver import SessionDriver, make_driver
from vseg.pipelines.job import JobOutcome, JobTimes, ProgressCallbacks, TrackJob
from vseg.pipelines.prepare import Task, prepare
from vseg.pipelines.previews import render_previews
from vseg.pipelines.warm_up import warm_up
from vseg.results.events import read_events, run_event
from vseg.results.layout import RunState, read_objects, run_state
from vseg.results.records import Damage, RunHeader
from vseg.results.verify import verify_run
from vseg.results.writer import ResumedRun, RunWriter
from vseg.session.session import Session
from vseg.types import Frame
from vseg.video.prefetch import ahead

READ_AHEAD = 8


def track(
    job: TrackJob, *, model: Model | None = None, watch: ProgressCallbacks | None = None
) -> JobOutcome:
    """Carry out a job and say how it ended.

    model: one that is loaded already, instead of the configured one.  When `watch.stop()`
    becomes true the run is committed and left `interrupted`.  A source that is damaged ends
    `partial`, with every frame before the damage.  Raises a VsegError for everything else;
    what was committed before stays resumable.
    """
    with open_video(job.source, job.config.reader) as video:
        task = prepare(job, video, model)
        header = _finished_before(task)
        loop = _Loop(task, watch or ProgressCallbacks())
        if header is None:
            header = loop.run()
    not_found_prompts = _unfound(job, header)
    images = _images(job) if header.status != "interrupted" else ()
    return JobOutcome(
        job.out,
        header.status,
        loop.frames,
        loop.times,
        loop.state_bytes,
        header.damage,
        images,
        not_found_prompts,
    )


def _finished_before(task: Task) -> RunHeader | None:
    """The header of a finished run of the same inputs; None if there is work to do."""
    job = task.job
    if job.overwrite or run_state(job.out) is not RunState.FINISHED:
        return None
    return verify_run(job.out, task.header, task.prompts)


def _begin(task: Task) -> ResumedRun:
    """A writer at the frame to go on with, and the session's memory there."""
    job = task.job
    if job.resume:
        return RunWriter.resume(job.out, task.header, task.prompts)
    writer = RunWriter.create(job.out, task.header, task.prompts, overwrite=job.overwrite)
    return ResumedRun(writer, task.first, None)


class _Loop:
    """The frames of a task, one after another; counts and times them."""

    def __init__(self, task: Task, watch: ProgressCallbacks) -> None:
        self.task = task
        self.watch = watch
        self.times = JobTimes()
        self.frames = self.state_bytes = 0

    def run(self) -> RunHeader:
        """Track from the run's next frame to the end; the run's last header.

        The run is begun last: whatever can fail before the first frame leaves an earlier one
        as it is.
        """
        task = self.task
        with Session(
            task.model,
            task.video,
            memory=task.job.config.memory,
            identity=task.job.config.identity,
            encode_ahead=task.job.config.encode_ahead,
            grounder=task.grounder,
        ) as session:
            pilot = make_driver(task, session)
            run = _begin(task)
            pilot.resume(run)
            with ahead(task.video.frames(run.next_frame, task.stop), READ_AHEAD) as frames:
                warm_up(task, session.encode_ahead, self.watch)
                try:
                    self._frames(session.encode_ahead_of(frames), pilot, run.writer)
                except NothingFound:
                    run.writer.withdraw()
                    raise
                except DamagedVideo as damage:
                    run.writer.note(pilot.finish())
                    run.writer.finish(Damage(frame=damage.frame_index, reason=damage.reason))
            self.state_bytes = session.state_bytes()
        return run.writer.header

    def _frames(
        self, frames: Iterator[Frame], pilot: SessionDriver, writer: RunWriter
    ) -> None:
        """Track and write every frame, then finish; or stop where the watcher says so."""
        task = self.task
        times = self.times
        began = time.perf_counter()
        for frame in frames:
            read = time.perf_counter()
            masks = pilot.step(frame)
            tracked = time.perf_counter()
            stop = self.watch.stop()
            writer.note((*pilot.drain(), *map(run_event, masks.events)))
            if writer.write(masks) and not stop:
                writer.commit(pilot.snapshot())
            if stop:
                writer.interrupt(pilot.snapshot())
            written = time.perf_counter()
            times.read_s += read - began
            times.track_s += tracked - read
            times.write_s += written - tracked
            self.frames += 1
            self.watch.on_frame(frame.index + 1 - task.first, task.stop - task.first)
            if stop:
                return
            began = time.perf_counter()
        writer.note(pilot.finish())
        writer.finish()


def _unfound(job: TrackJob, header: RunHeader) -> tuple[str, ...]:
    """What was looked for and never found, of a finished run.  Raises NothingFound if that is
    all.
    """
    if not header.finished:
        return ()
    told = tuple(
        f"nothing was found for {event.label}: the best score is {event.score:.2f}, "
        f"the threshold {event.threshold:.2f}"
        for event in read_events(job.out)
        if event.kind == "unfound"
    )
    if told and not read_objects(job.out):
        raise NothingFound(
            "; ".join(told),
            hint="say it otherwise, or lower the threshold, as in --text 'person=0.4' or "
            "--exemplar IMAGE:REGION=0.7, with --overwrite",
        )
    return told


def _images(job: TrackJob) -> tuple[Path, ...]:
    """The previews asked for; those of an earlier call are not drawn again."""
    run = open_run(job.out)
    # A clip damaged from its very first frame leaves nothing to draw.
    if not job.config.preview or len(run) == 0:
        return ()
    overlay = (job.images or job.out) / "overlay.mp4"
    sheet = overlay.with_name("contact.png")
    if not job.overwrite and overlay.exists() and sheet.exists():
        return overlay, sheet
    return render_previews(run, overlay, sheet, source=job.source)
