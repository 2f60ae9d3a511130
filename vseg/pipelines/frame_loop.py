"""The frames of a task, one after another: read ahead, tracked, written, counted and timed.

Enters: a Task.  Leaves: the header of its run, finished or interrupted.  Each pass has a
session of its own; the run's writer goes through all of them.
"""

import time
from collections.abc import Iterator, Sequence

from vseg.errors import BadPrompt, DamagedVideo, NothingFound
from vseg.frame_masks import FrameMasks
from vseg.interfaces.reader import adjacent_frame, readable_backward, readable_frames
from vseg.interfaces.session_driver import SessionDriver
from vseg.pipelines.driver import make_driver, make_reverse_driver
from vseg.pipelines.job import JobTimes, ProgressCallbacks
from vseg.pipelines.passes import Pass, frames_done, frames_in_all, passes_of, resumed
from vseg.pipelines.prepare import Task
from vseg.pipelines.warm_up import warm_up
from vseg.results.records import Damage, RunHeader
from vseg.results.run_warnings import DETECTIONS
from vseg.results.verify import verify_run
from vseg.results.writer import RunWriter
from vseg.session.session import Session
from vseg.types import Frame, Text, TrackEvent
from vseg.video.prefetch import ahead

READ_AHEAD = 3
"""Frames that are read before they are asked for, beside those that are encoded together:
reading takes a tenth of the time of tracking.  Frames of 4K take 24 MiB each."""


class FrameLoop:
    """Tracks and writes all frames of a task; counts and times them.

    frames: how many different frames were tracked.  state_bytes: what the last session held on
    the device at its end.
    """

    def __init__(self, task: Task, callbacks: ProgressCallbacks) -> None:
        self.task = task
        self.callbacks = callbacks
        self.times = JobTimes()
        self.frames = 0
        self.state_bytes = 0
        self._damaged: dict[int, str] = {}
        # Prompted frames that the pass came to.
        self._reached: set[int] = set()
        self._scaled_from: tuple[int, int] | None = None
        self._total = 0

    def run(self) -> RunHeader:
        """Track from the run's next frame to the end; the run's last header.

        The run is begun last: whatever can fail before the first frame leaves an earlier one
        as it is.
        """
        task = self.task
        direction = task.job.config.direction
        passes = passes_of((task.first, task.stop), task.prompts, direction)
        self._total = frames_in_all(passes)
        if task.job.resume:
            stored = verify_run(task.job.out, task.header, task.prompts)
            passes = resumed(passes, stored.progress)
        header = task.header
        writer: RunWriter | None = None
        for one in passes:
            with self._session() as session:
                driver = self._driver(session, one)
                writer = writer or self._begin(session, driver)
                ended = self._pass(one, session, driver, writer)
                self.state_bytes = session.state_bytes()
            if ended and one is passes[-1]:
                writer.note(self._unused_detections())
                writer.finish()
            header = writer.header
            if not ended:
                break
        return header

    def again(self, passes: Sequence[Pass], writer: RunWriter) -> bytes | None:
        """Track passes anew into a writer; the driver's state after the last of them."""
        self._total = frames_in_all(passes)
        state = None
        for one in passes:
            with self._session() as session:
                driver = self._driver(session, one)
                warm_up(self.task, session.encode_ahead, self.callbacks)
                self._pass(one, session, driver, writer)
                state = driver.snapshot()
        return state

    def _begin(self, session: Session, driver: SessionDriver) -> RunWriter:
        """The run's writer, with the driver as it was after the last commit."""
        task = self.task
        job = task.job
        if job.resume:
            run = RunWriter.resume(job.out, task.header, task.prompts)
            if run.state is not None:
                driver.restore(run.state)
            writer = run.writer
        else:
            writer = RunWriter.create(
                job.out, task.header, task.prompts, overwrite=job.overwrite
            )
        warm_up(task, session.encode_ahead, self.callbacks)
        return writer

    def _session(self) -> Session:
        task = self.task
        config = task.job.config
        return Session(
            task.model,
            task.video,
            memory=config.memory,
            identity=config.identity,
            crops=config.crops,
            encode_ahead=config.encode_ahead,
            grounder=task.grounder,
        )

    def _driver(self, session: Session, one: Pass) -> SessionDriver:
        task = self.task
        if one.reverse:
            return make_reverse_driver(session, one.prompts)
        return make_driver(
            session,
            task.job.config,
            one.prompts,
            task.detections,
            task.grounder,
            task.until,
        )

    def _pass(
        self, one: Pass, session: Session, driver: SessionDriver, writer: RunWriter
    ) -> bool:
        """Track and write the frames of a pass; whether it came to its end.

        It does not where it was asked to stop, nor where nothing can be read any more, which
        ends the run.
        """
        self._damaged = {}
        self._reached = set()
        self._scaled_from = self._scaled_before(one)
        with ahead(self._frames(one), READ_AHEAD + session.encode_ahead) as frames:
            try:
                return self._track(one, session.encode_ahead_of(frames), driver, writer)
            except NothingFound:
                writer.withdraw()
                raise
            except DamagedVideo as damage:
                writer.note([*driver.finish(), *self._unused_detections()])
                end = damage.frame_index
                writer.finish(Damage(frame=end, reason=damage.reason, end_frame=end))
                return False

    def _frames(self, one: Pass) -> Iterator[Frame]:
        """The frames of a pass; damaged ones are passed over, unless asked to stop."""
        video = self.task.video
        if one.reverse:
            return readable_backward(video, one.first, one.stop, self._damaged)
        if self.task.job.config.stop_at_damage and one.first < one.stop:
            return video.frames(one.first, one.stop)
        return readable_frames(video, one.first, one.stop, self._damaged)

    def _track(
        self,
        one: Pass,
        frames: Iterator[Frame],
        driver: SessionDriver,
        writer: RunWriter,
    ) -> bool:
        """Track and write every frame, commit; False where the callbacks say stop."""
        times = self.times
        prompted = {p.frame_index for p in one.prompts}
        worded = {p.frame_index for p in one.prompts if isinstance(p.value, Text)}
        adjacent = None if one.reverse else _adjacent(self.task, one.first)
        began = time.perf_counter()
        for frame in frames:
            read = time.perf_counter()
            self._mark_damaged(one, frame.index, writer)
            if one.last is not None and one.behind(one.last, frame.index):
                return True
            self._note_scaled(one, frame, writer)
            if one.reverse and frame.index in worded:
                adjacent = _adjacent(self.task, frame.index)
            if frame.index in prompted:
                self._reached.add(frame.index)
            with self.callbacks.turn():
                masks = driver.step(frame, adjacent)
            adjacent = None if one.reverse else frame
            tracked = time.perf_counter()
            stop = self.callbacks.stop()
            writer.note(driver.drain())
            full = writer.write(self._joined(one, masks, writer), reverse=one.reverse)
            if stop:
                writer.interrupt(driver.snapshot())
            elif full:
                writer.commit(driver.snapshot())
            written = time.perf_counter()
            times.read_s += read - began
            times.track_s += tracked - read
            times.write_s += written - tracked
            self.frames += frame.index > one.joins
            done = frames_done(one, frame.index, self.task.first)
            self.callbacks.on_frame(done, self._total)
            if stop:
                return False
            began = time.perf_counter()
        self._mark_damaged(one, one.stop, writer)
        writer.note(driver.finish())
        return True

    def _unused_detections(self) -> tuple[TrackEvent, ...]:
        """That there are no detections, or all are below the least score."""
        table = self.task.detections
        threshold = self.task.job.config.detections.score
        if table is None:
            return ()
        best = float(table.scores.max()) if len(table) else None
        if best is not None and best >= threshold:
            return ()
        last = self.task.stop - 1
        return (
            TrackEvent(last, "not_found", label=DETECTIONS, score=best, threshold=threshold),
        )

    def _joined(self, one: Pass, masks: FrameMasks, writer: RunWriter) -> FrameMasks:
        """The masks, with those of the objects that only an earlier pass has on this frame."""
        if masks.frame_index > one.joins:
            return masks
        stored = writer.stored(masks.frame_index)
        return masks if stored is None else masks.with_others(stored)

    def _mark_damaged(self, one: Pass, before: int, writer: RunWriter) -> None:
        """Write the damaged frames that the pass has left out before it came to a frame.

        Raises BadPrompt if a prompt is on one of them, or on a frame that the numbers of a
        folder leave out: it would be lost.
        """
        prompted = {p.frame_index for p in self.task.prompts if p.object_id is not None}
        for index in [index for index in list(self._damaged) if one.behind(index, before)]:
            reason = self._damaged.pop(index)
            if index in prompted:
                raise BadPrompt(
                    f"the prompt on frame {index} cannot be applied: the frame is damaged: "
                    f"{reason}",
                    hint="prompt on another frame, with --overwrite",
                )
            writer.write_damaged(index, self.task.video.time_at(index), reason)
        for index in {p.frame_index for p in one.prompts} - self._reached:
            if one.behind(index, one.first) or not one.behind(index, before):
                continue
            raise BadPrompt(
                f"the prompt on frame {index} cannot be applied: there is no such image",
                hint="prompt on another frame, with --overwrite",
            )

    def _note_scaled(self, one: Pass, frame: Frame, writer: RunWriter) -> None:
        """Write an event where images of another size begin or end."""
        if frame.scaled_from != self._scaled_from and frame.index > one.joins:
            # Backward it is the frame above that begins with another size.
            begins = frame.index + 1 if one.reverse else frame.index
            writer.note([TrackEvent(begins, "rescaled")])
        self._scaled_from = frame.scaled_from

    def _scaled_before(self, one: Pass) -> tuple[int, int] | None:
        """From which size the frame before the pass was scaled."""
        video = self.task.video
        begins = one.first == self.task.first and not one.reverse
        if begins or one.first == one.stop:
            return None
        before = one.first + 1 if one.reverse else one.first - 1
        if before == len(video):  # nothing was there before: nothing changes
            before = one.first
        try:
            return video.read(before).scaled_from
        except DamagedVideo:
            return None


def _adjacent(task: Task, index: int) -> Frame | None:
    """The frame beside one to be tracked, where a description may be of what moves.

    A damaged one is left out: the loop reports it when it comes to it.
    """
    if task.grounder is None or index >= task.stop:
        return None
    try:
        return adjacent_frame(task.video, index)
    except DamagedVideo:
        return None
