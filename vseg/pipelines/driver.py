"""Who steers a session through a clip: the user's prompts, detections, or what is found by
looking.

Enters: a task and a session.  Leaves: per frame the masks and what happened.  All can be
stopped and go on with the same bits.
"""

from typing import Protocol, runtime_checkable

from vseg.build import open_run
from vseg.exchange.detections import DetectionTable
from vseg.frame_masks import FrameMasks
from vseg.pipelines.detect import PromptedDetector, make_detector
from vseg.pipelines.detection_driver import DetectionTracker
from vseg.pipelines.prepare import Task
from vseg.pipelines.redetection_driver import RedetectionTracker
from vseg.prompts.placing import index_of
from vseg.prompts.resolve import named
from vseg.prompts.timecode import parse_timecode
from vseg.results import ResumedRun
from vseg.results.events import RunEvent
from vseg.session.session import Session
from vseg.types import Frame, Text, Timecode


@runtime_checkable
class SessionDriver(Protocol):
    """Steps through the frames of a task."""

    def step(self, frame: Frame) -> FrameMasks:
        """The masks of all objects on the next frame."""
        ...

    def drain(self) -> tuple[RunEvent, ...]:
        """What happened since this was last asked."""
        ...

    def snapshot(self) -> bytes:
        """All that is needed to go on after this frame."""
        ...

    def finish(self) -> tuple[RunEvent, ...]:
        """What is to be said at the end."""
        ...

    def resume(self, run: ResumedRun) -> None:
        """Go on where an interrupted run stopped; called before the frames are read ahead."""
        ...


def make_driver(task: Task, session: Session) -> SessionDriver:
    """Detections steer where the task has some, then what it looks for, else its prompts."""
    if task.detections is not None:
        return DetectionDriver(task, task.detections, session)
    if task.sought or task.job.everything:
        return RedetectionDriver(task, session)
    return PromptDriver(task, session)


class PromptDriver:
    """Prompts take effect when their frame comes, as they would on a live source.

    Made before the frames are read ahead: beside each frame with words it looks at the one
    before, or at the second beside the first, for what moves.
    """

    def __init__(self, task: Task, session: Session) -> None:
        self._task = task
        self._session = session
        worded = {p.frame_index for p in task.prompts if isinstance(p.value, Text)}
        beside = {t: t - 1 if t else 1 for t in worded}
        self._near = {t: task.video.read(b) for t, b in beside.items() if b < len(task.video)}

    def step(self, frame: Frame) -> FrameMasks:
        """The masks after the prompts given on this frame."""
        session = self._session
        for object_id, placed in self._task.prompts_on(frame.index).items():
            near = self._near.get(frame.index)
            session.add_prompt(object_id, frame, [each.value for each in placed], near)
        return session.step(frame) if session.object_ids else FrameMasks.empty(frame)

    def drain(self) -> tuple[RunEvent, ...]:
        """Nothing: what a user says is in the prompts."""
        return ()

    def finish(self) -> tuple[RunEvent, ...]:
        """Nothing."""
        return ()

    def snapshot(self) -> bytes:
        """The session's state."""
        return self._session.snapshot()

    def resume(self, run: ResumedRun) -> None:
        """Restore the session."""
        if run.state is not None:
            self._session.restore(run.state)


class DetectionDriver:
    """Each frame's detections go to a Guide."""

    def __init__(self, task: Task, detections: DetectionTable, session: Session) -> None:
        self._detections = detections
        video = task.video.info
        settings = task.job.config.detections
        self._guide = DetectionTracker(session, (video.height, video.width), settings)

    def step(self, frame: Frame) -> FrameMasks:
        """The masks of the objects that the detections confirm."""
        masks = self._guide.step(frame, self._detections.on(frame.index))
        return FrameMasks.empty(frame) if masks is None else masks

    def drain(self) -> tuple[RunEvent, ...]:
        """What the guide did."""
        return self._guide.drain()

    def finish(self) -> tuple[RunEvent, ...]:
        """Nothing."""
        return ()

    def snapshot(self) -> bytes:
        """The guide's state with the session's."""
        return self._guide.snapshot()

    def resume(self, run: ResumedRun) -> None:
        """Restore the guide, and show the association the frames that are done."""
        if run.state is None:
            return
        stored = open_run(run.writer.path)
        for index, time_s in zip(stored.frame_numbers(), stored.frame_times(), strict=True):
            self._guide.replay(time_s, self._detections.on(index))
        self._guide.restore(run.state)


class RedetectionDriver:
    """A lookout decides which objects there are."""

    def __init__(self, task: Task, session: Session) -> None:
        self._task = task
        config = task.job.config
        self._look = make_detector(task.sought, task.model, task.grounder, config)
        until = config.redetection.until
        ends = (
            None
            if until is None
            else Timecode(frame=index_of(task.video, parse_timecode(until)))
        )
        self._lookout = RedetectionTracker(session, self._look, config.redetection, ends)
        self._last_index = task.first
        self._near = self._beside(task.first)

    def step(self, frame: Frame) -> FrameMasks:
        """The masks of what was found so far."""
        masks = self._lookout.step(frame, self._near)
        self._near = frame
        self._last_index = frame.index
        return FrameMasks.empty(frame) if masks is None else masks

    def drain(self) -> tuple[RunEvent, ...]:
        """What the lookout did."""
        return self._lookout.drain()

    def finish(self) -> tuple[RunEvent, ...]:
        """Every description that was never found, with the best score that anything
        reached.
        """
        if not isinstance(self._look, PromptedDetector):
            return ()
        scores = zip(
            self._task.sought, self._look.thresholds, self._lookout.best, strict=False
        )
        return tuple(
            RunEvent(
                frame=self._last_index,
                kind="unfound",
                label=named(each),
                score=round(best, 3),
                threshold=round(least, 3),
            )
            for each, least, best in scores
            if best < least
        )

    def snapshot(self) -> bytes:
        """The lookout's state with the session's."""
        return self._lookout.snapshot()

    def resume(self, run: ResumedRun) -> None:
        """Restore the lookout, and the frame before."""
        if run.state is not None:
            self._lookout.restore(run.state)
            self._last_index = run.next_frame - 1
            self._near = self._task.video.read(self._last_index)

    def _beside(self, index: int) -> Frame | None:
        """The frame before, or the second one beside the first, for what moves."""
        beside = index - 1 if index else 1
        return self._task.video.read(beside) if beside < len(self._task.video) else None
