"""A tracking job from start to end: source -> frames read ahead -> driver -> run directory.

Enters: a TrackJob.  Leaves: a run directory and a JobOutcome.  A job that was killed goes on
after its last commit and leaves the same bits as one that was not; a finished one is not
computed again.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from vseg.build import open_run, open_video
from vseg.errors import BadPrompt, DamagedVideo, NothingFound
from vseg.interfaces.model import Model
from vseg.interfaces.reader import adjacent_frame, readable_frames
from vseg.interfaces.session_driver import SessionDriver
from vseg.pipelines.driver import make_driver
from vseg.pipelines.job import JobOutcome, JobTimes, ProgressCallbacks, TrackJob
from vseg.pipelines.prepare import Task, prepare
from vseg.pipelines.previews import render_previews
from vseg.pipelines.warm_up import warm_up
from vseg.results.events import read_events
from vseg.results.layout import RunState, read_objects, run_state
from vseg.results.records import Damage, RunHeader
from vseg.results.verify import verify_run
from vseg.results.write_lock import write_lock
from vseg.results.writer import ResumedRun, RunWriter
from vseg.session.session import Session
from vseg.types import Frame, TrackEvent
from vseg.video.prefetch import ahead

READ_AHEAD = 8


def track(
    job: TrackJob, *, model: Model | None = None, callbacks: ProgressCallbacks | None = None
) -> JobOutcome:
    """Carry out a job; how it ended.

    model: one that is loaded already, instead of the configured one.  When `callbacks.stop()`
    becomes true the run is committed and left `interrupted`.  Damaged frames are passed over
    and marked, and the run ends `partial`; so it does where nothing can be read any more.
    Raises a VsegError for everything else;
    what was committed before stays resumable.
    """
    opened = open_video(job.source, job.config.reader, job.config.frames)
    with opened as video, write_lock(job.out):
        task = prepare(job, video, model)
        header = _finished_before(task)
        loop = _Loop(task, callbacks or ProgressCallbacks())
        if header is None:
            header = loop.run()
    not_found = _not_found(job, header)
    images = _images(job) if header.status != "interrupted" else ()
    return JobOutcome(
        job.out,
        header.status,
        loop.frames,
        loop.times,
        loop.state_bytes,
        header.damage,
        images,
        not_found,
        task.detections.changes if task.detections is not None else (),
        _notes(job, header),
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

    def __init__(self, task: Task, callbacks: ProgressCallbacks) -> None:
        self.task = task
        self.callbacks = callbacks
        self.times = JobTimes()
        self.frames = 0
        self.state_bytes = 0
        self._damaged: dict[int, str] = {}
        self._scaled_from: tuple[int, int] | None = None

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
            driver = make_driver(
                session,
                task.job.config,
                task.prompts,
                task.detections,
                task.grounder,
                task.until,
            )
            run = _begin(task)
            if run.state is not None:
                driver.restore(run.state)
            adjacent = _adjacent(task, run.next_frame)
            with ahead(self._frames(run.next_frame), READ_AHEAD) as frames:
                warm_up(task, session.encode_ahead, self.callbacks)
                try:
                    encoded = session.encode_ahead_of(frames)
                    self._track(encoded, adjacent, driver, run.writer)
                except NothingFound:
                    run.writer.withdraw()
                    raise
                except DamagedVideo as damage:
                    run.writer.note(driver.finish())
                    end = damage.frame_index
                    run.writer.finish(Damage(frame=end, reason=damage.reason, end_frame=end))
            self.state_bytes = session.state_bytes()
        return run.writer.header

    def _frames(self, first: int) -> Iterator[Frame]:
        """The frames from `first` on; damaged ones are passed over, unless asked to stop."""
        task = self.task
        if task.job.config.stop_at_damage:
            return task.video.frames(first, task.stop)
        return readable_frames(task.video, first, task.stop, self._damaged)

    def _mark_damaged(self, before: int, writer: RunWriter) -> None:
        """Write the damaged frames that were passed over before a frame.

        Raises BadPrompt if a prompt is on one of them: it would be lost.
        """
        prompted = {p.frame_index for p in self.task.prompts if p.object_id is not None}
        for index in [index for index in list(self._damaged) if index < before]:
            reason = self._damaged.pop(index)
            if index in prompted:
                raise BadPrompt(
                    f"the prompt on frame {index} cannot be applied: the frame is damaged: "
                    f"{reason}",
                    hint="prompt on another frame, with --overwrite",
                )
            writer.write_damaged(index, self.task.video.time_at(index), reason)

    def _note_scaled(self, frame: Frame, writer: RunWriter) -> None:
        """Write an event where images of another size begin or end."""
        if frame.scaled_from != self._scaled_from:
            writer.note([TrackEvent(frame.index, "rescaled")])
        self._scaled_from = frame.scaled_from

    def _track(
        self,
        frames: Iterator[Frame],
        adjacent: Frame | None,
        driver: SessionDriver,
        writer: RunWriter,
    ) -> None:
        """Track and write every frame, then finish; or stop where the callbacks say so."""
        task = self.task
        times = self.times
        began = time.perf_counter()
        for frame in frames:
            read = time.perf_counter()
            self._mark_damaged(frame.index, writer)
            self._note_scaled(frame, writer)
            masks = driver.step(frame, adjacent)
            adjacent = frame
            tracked = time.perf_counter()
            stop = self.callbacks.stop()
            writer.note(driver.drain())
            if writer.write(masks) and not stop:
                writer.commit(driver.snapshot())
            if stop:
                writer.interrupt(driver.snapshot())
            written = time.perf_counter()
            times.read_s += read - began
            times.track_s += tracked - read
            times.write_s += written - tracked
            self.frames += 1
            self.callbacks.on_frame(frame.index + 1 - task.first, task.stop - task.first)
            if stop:
                return
            began = time.perf_counter()
        writer.note(driver.finish())
        writer.finish()


def _adjacent(task: Task, index: int) -> Frame | None:
    """The frame beside the first one to be tracked, where a description may be of what moves.

    A damaged one is left out: the loop reports it when it comes to it.
    """
    if task.grounder is None or index >= task.stop:
        return None
    try:
        return adjacent_frame(task.video, index)
    except DamagedVideo:
        return None


def _not_found(job: TrackJob, header: RunHeader) -> tuple[str, ...]:
    """A sentence for every description that nothing matched, of a finished run.  Raises
    NothingFound if the run has no object at all.
    """
    if not header.finished:
        return ()
    sentences = tuple(
        f"nothing was found for {event.label}: the best score is {event.score:.2f}, "
        f"the threshold {event.threshold:.2f}"
        for event in read_events(job.out)
        if event.kind == "not_found"
    )
    if sentences and not read_objects(job.out):
        raise NothingFound(
            "; ".join(sentences),
            hint="describe it otherwise, or lower the threshold, as in --text 'person=0.4' or "
            "--exemplar IMAGE:REGION=0.7, with --overwrite",
        )
    return sentences


def _notes(job: TrackJob, header: RunHeader) -> tuple[str, ...]:
    """A sentence for whatever of the source was not taken as the file states it."""
    reason = header.video.order_reason
    notes = [f"frames are in the decoder's order: {reason}"] if reason else []
    rescaled = next((e.frame for e in read_events(job.out) if e.kind == "rescaled"), None)
    if rescaled is not None:
        size = f"{header.video.width}x{header.video.height}"
        notes.append(f"images of another size, from frame {rescaled} on, are scaled to {size}")
    return tuple(notes)


def _images(job: TrackJob) -> tuple[Path, ...]:
    """The previews asked for; those of an earlier call are kept."""
    run = open_run(job.out, revision=0)
    # A clip damaged from its very first frame leaves nothing to draw.
    if not job.config.preview or len(run) == 0:
        return ()
    overlay = (job.images or job.out) / "overlay.mp4"
    sheet = overlay.with_name("contact.png")
    if not job.overwrite and overlay.exists() and sheet.exists():
        return overlay, sheet
    return render_previews(run, overlay, sheet, source=job.source)
