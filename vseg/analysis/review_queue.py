"""Where to check first: the risky spans of one or many runs, worst first.

Enters: runs.  Leaves: RiskySpans.  A span is a stretch of one object's frames with a risk of
at least a threshold; it is represented by its riskiest frame.  The more often the user has
corrected an object, the less another correction of it is worth: its spans come later.  What
the user accepted, or said to be absent, is left out.  Memory holds the spans that are asked
for, whatever the length of the runs.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vseg.analysis.risk import Box, FrameRisk, MaskRisk, risks
from vseg.prompts.simulate import innermost
from vseg.results import Run
from vseg.results.spans import ObjectSpans, SpanState

LEAST_RISK = 0.3
GAP_FRAMES = 12
"""Calmer frames within a span: half a second at 24 frames a second.  A round value."""


@dataclass(frozen=True, slots=True)
class RiskySpan:
    """Frames [first, end) of one object.  risk: of the worst frame, where the object is in
    box, or was last.  wrong: how many masks of the span are wrong, as expected by their risk.
    corrections: how often the user has said where the object is, or is not, beyond the first.
    point: x, y of the innermost pixel of the mask on that frame; of the middle of the box, or
    of the frame, where there is none.
    """

    run: Path
    revision: int
    object_id: int
    label: str | None
    first: int
    end: int
    worst_frame: int
    worst_time_s: float
    risk: float
    wrong: float
    corrections: int
    reasons: tuple[str, ...]
    visible: bool
    box: Box | None
    point: tuple[int, int]

    @property
    def worth(self) -> tuple[float, float]:
        """The order of the queue, highest first: what a correction is expected to gain.

        By risk alone one object that is never tracked well has every turn.  In seven random
        scenes and three training clips with an object pasted before another J&F was 78.9 after
        eight corrections at the riskiest masks and 81.1 in this order; one clip is most of it.
        """
        return self.risk / (1 + self.corrections), self.wrong


@dataclass(frozen=True, slots=True)
class ReviewQueue:
    """spans: worst first, at most as many as asked for.  found: how many there are in all.
    masks: how many masks were judged; wrong: how many of them are, as expected by their risk.
    """

    spans: tuple[RiskySpan, ...]
    found: int
    masks: int
    wrong: float


@dataclass(slots=True)
class _OpenSpan:
    """A span that may go on.  last: its last risky frame; worst, at: its riskiest mask."""

    first: int
    last: int
    worst: MaskRisk
    at: FrameRisk
    wrong: float = 0.0
    wrong_since: float = 0.0


def review(runs: Sequence[Run], *, least: float = LEAST_RISK, top: int = 50) -> ReviewQueue:
    """The `top` worst spans of the runs, those with a risk of at least `least`.

    Raises BadRun if a run is damaged.
    """
    queue = ReviewQueue((), 0, 0, 0.0)
    for run in runs:
        finder = SpanFinder(run, least, top)
        for frame in risks(run):
            finder.add(frame)
        queue = _joined(queue, finder.queue(), top)
    return queue


class SpanFinder:
    """The risky spans of one run, whose frames are added by ascending number."""

    def __init__(self, run: Run, least: float, top: int) -> None:
        self._run = run
        self._least = least
        self._top = top
        self._labels = run.labels
        self._corrections = {spans.object_id: _corrections(spans) for spans in run.spans}
        self._open: dict[int, _OpenSpan] = {}
        self._ended: list[RiskySpan] = []
        self._found = 0
        self._masks = 0
        self._wrong = 0.0

    def add(self, frame: FrameRisk) -> None:
        """Take one frame."""
        for mask in frame.objects:
            self._masks += 1
            self._wrong += mask.risk
            span = self._open.get(mask.object_id)
            if mask.risk >= self._least:
                self._open[mask.object_id] = _extended(span, mask, frame)
            elif span is not None:
                span.wrong_since += mask.risk
        for obj, span in list(self._open.items()):
            if frame.frame_index - span.last > GAP_FRAMES:
                self._end(obj)

    def queue(self) -> ReviewQueue:
        """The worst spans so far; those under way are ended."""
        for obj in list(self._open):
            self._end(obj)
        spans = [_on_mask(self._run, span) for span in _worst(self._ended, self._top)]
        return ReviewQueue(tuple(spans), self._found, self._masks, self._wrong)

    def _end(self, obj: int) -> None:
        self._found += 1
        corrections = self._corrections.get(obj, 0)
        span = _closed(self._run, self._open.pop(obj), self._labels.get(obj), corrections)
        self._ended.append(span)
        if len(self._ended) > 2 * self._top:
            self._ended = _worst(self._ended, self._top)


def _corrections(spans: ObjectSpans) -> int:
    absences = spans.of_state(SpanState.ABSENT)
    return max(len(spans.anchors) + len(absences) - 1, 0)


def _joined(one: ReviewQueue, other: ReviewQueue, top: int) -> ReviewQueue:
    return ReviewQueue(
        tuple(_worst((*one.spans, *other.spans), top)),
        one.found + other.found,
        one.masks + other.masks,
        one.wrong + other.wrong,
    )


def _worst(spans: Sequence[RiskySpan], top: int) -> list[RiskySpan]:
    return heapq.nlargest(top, spans, key=lambda span: span.worth)


def _extended(span: _OpenSpan | None, mask: MaskRisk, frame: FrameRisk) -> _OpenSpan:
    if span is None:
        span = _OpenSpan(frame.frame_index, frame.frame_index, mask, frame)
    span.last = frame.frame_index
    span.wrong += span.wrong_since + mask.risk
    span.wrong_since = 0.0
    if mask.risk > span.worst.risk:
        span.worst = mask
        span.at = frame
    return span


def _closed(run: Run, span: _OpenSpan, label: str | None, corrections: int) -> RiskySpan:
    return RiskySpan(
        run=run.path,
        revision=run.revision,
        object_id=span.worst.object_id,
        label=label,
        first=span.first,
        end=span.last + 1,
        worst_frame=span.at.frame_index,
        worst_time_s=span.at.time_s,
        risk=span.worst.risk,
        wrong=span.wrong,
        corrections=corrections,
        reasons=span.worst.reasons,
        visible=span.worst.visible,
        box=span.worst.box,
        point=_middle(span.worst.box or (0, 0, run.video.width, run.video.height)),
    )


def _middle(box: Box) -> tuple[int, int]:
    x1, y1, x2, y2 = box
    return (x1 + x2) // 2, (y1 + y2) // 2


def _on_mask(run: Run, span: RiskySpan) -> RiskySpan:
    """With its point inside the mask; the mask is read again, which the few spans that are
    shown are worth.
    """
    crop = run[span.worst_frame].crop(span.object_id)
    if crop.area == 0:
        return span
    x, y = innermost(crop.mask)
    return replace(span, point=(crop.x + x, crop.y + y))
