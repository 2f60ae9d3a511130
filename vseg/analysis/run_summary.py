"""What a report says of a run, gathered in one pass over its masks.

Enters: a run.  Leaves: a RunSummary: totals, a lane and a filmstrip for each object, the
riskiest spans, events.  Its size is bounded, however long the run and however many its
objects.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from vseg.analysis.lanes import Lane, TimeAxis
from vseg.analysis.object_images import ObjectView
from vseg.analysis.review_queue import LEAST_RISK, ReviewQueue, SpanFinder
from vseg.analysis.risk import FrameRisk, MaskRisk, risks
from vseg.errors import BadRun
from vseg.results import Run, StoredObject
from vseg.results.records import RunWarning
from vseg.results.spans import SpanState
from vseg.types import TrackEvent

MAX_OBJECTS = 40
MAX_EVENTS = 200
MAX_SPANS = 12
STRIP_FRAMES = 8
"""Round values: a page that is read to its end, and a strip as wide as a page."""


@dataclass(slots=True)
class ObjectSummary:
    """One object.  strip: views spread over its life; worst: its riskiest mask.

    frames, visible, accepted, anchors: how many frames were tracked, and of them.  score: the
    sum of the predicted quality over visible frames; wrong: of risk over all.
    """

    stored: StoredObject
    lane: Lane
    frames: int = 0
    visible: int = 0
    accepted: int = 0
    anchors: int = 0
    score: float = 0.0
    wrong: float = 0.0
    risk: float = 0.0
    worst: ObjectView | None = None
    worst_reasons: tuple[str, ...] = ()
    strip: dict[int, ObjectView] = field(default_factory=dict)

    @property
    def mean_score(self) -> float:
        """The mean predicted quality where it is visible, 0 if it never is."""
        return self.score / self.visible if self.visible else 0.0


@dataclass(frozen=True)
class RunSummary:
    """objects: those with the longest lives, by ascending id; total_objects counts all.

    last_s: the time of the last frame.  events: the first MAX_EVENTS, cuts apart; total_events
    counts all of them.  warnings: the run's, and the report's own.
    """

    run: Run
    axis: TimeAxis
    frames: int
    last_s: float
    objects: tuple[ObjectSummary, ...]
    total_objects: int
    events: tuple[TrackEvent, ...]
    total_events: int
    cuts: tuple[int, ...]
    queue: ReviewQueue
    warnings: tuple[RunWarning, ...]


def summarise(run: Run) -> RunSummary:
    """The summary of a run.  Raises BadRun if it is damaged or holds no frame."""
    extent = run.extent
    if extent is None:
        raise BadRun(f"{run.path} holds no frame", hint="let it run, or --resume it")
    axis = TimeAxis(extent[0], extent[1] + 1)
    chosen = {
        stored.id: ObjectSummary(stored, Lane.empty(axis.cells))
        for stored in _longest(run.objects)
    }
    finder = SpanFinder(run, LEAST_RISK, MAX_SPANS)
    frames = 0
    last_s = 0.0
    for frame in risks(run):
        frames += 1
        last_s = frame.time_s
        finder.add(frame)
        for mask in frame.objects:
            if mask.object_id in chosen:
                _note(chosen[mask.object_id], axis, frame, mask)
    events = [event for event in run.events if event.kind != "cut"]
    cuts = tuple(event.frame for event in run.events if event.kind == "cut")
    return RunSummary(
        run,
        axis,
        frames,
        last_s,
        tuple(chosen.values()),
        len(run.objects),
        tuple(events[:MAX_EVENTS]),
        len(events),
        cuts,
        finder.queue(),
        run.warnings,
    )


def _longest(objects: Sequence[StoredObject]) -> list[StoredObject]:
    """The objects with the longest lives, at most MAX_OBJECTS, by ascending id."""
    by_life = sorted(objects, key=_life, reverse=True)
    return sorted(by_life[:MAX_OBJECTS], key=lambda stored: stored.id)


def _life(stored: StoredObject) -> int:
    if stored.first_frame is None or stored.last_frame is None:
        return 0
    return stored.last_frame - stored.first_frame + 1


def _note(summary: ObjectSummary, axis: TimeAxis, frame: FrameRisk, mask: MaskRisk) -> None:
    summary.lane.add(axis.cell(frame.frame_index), mask)
    summary.frames += 1
    summary.accepted += mask.state is SpanState.ACCEPTED
    summary.anchors += mask.anchored
    summary.wrong += mask.risk
    view = ObjectView(frame.frame_index, mask.object_id, mask.box)
    if mask.risk > summary.risk:
        summary.risk = mask.risk
        summary.worst = view
        summary.worst_reasons = mask.reasons
    if mask.visible and mask.area:
        summary.visible += 1
        summary.score += mask.score
        _spread(summary, view)


def _spread(summary: ObjectSummary, view: ObjectView) -> None:
    """Keep the visible frame nearest to the middle of each part of the object's life."""
    first = summary.stored.first_frame
    if first is None:
        return
    length = _life(summary.stored) / STRIP_FRAMES
    part = min(STRIP_FRAMES - 1, max(0, int((view.frame_index - first) / length)))
    middle = first + (part + 0.5) * length
    kept = summary.strip.get(part)
    if kept is None or abs(view.frame_index - middle) < abs(kept.frame_index - middle):
        summary.strip[part] = view
