"""The risk that a mask of a run is wrong: of every object on every frame, from what is stored.

Enters: a run, finished or not.  Leaves: FrameRisk by frame, ascending, with one shard in
memory.  Risk is the probability that the mask's IoU with the truth is below one half
(`risk_model`).  What the user accepted or said to be absent has none, and what follows begins
anew from there.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from vseg.analysis.risk_evidence import Evidence, EvidenceObserver
from vseg.analysis.risk_model import reasons_of, risk_of
from vseg.frame_masks import FrameMasks
from vseg.results import Run
from vseg.results.agreement import Agreements, read_agreement
from vseg.results.spans import SpanState
from vseg.types import MaskCrop, TrackEvent

SETTLED = (SpanState.ACCEPTED, SpanState.ABSENT)
"""What the user has decided is not questioned again."""

_GIVEN = ("prompt", "import")
"""Where a mask comes from that is not of the model."""

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class MaskRisk:
    """One object on one frame.  risk: in [0, 1].  reasons: what speaks against the mask,
    loudest first.  anchored: whether it was prompted here, or its mask given.  box: of the
    mask, x1 y1 x2 y2; of the last one where there is none now.
    """

    object_id: int
    risk: float
    reasons: tuple[str, ...]
    visible: bool
    anchored: bool
    score: float
    area: int
    state: SpanState
    box: Box | None


@dataclass(frozen=True, slots=True)
class FrameRisk:
    """The objects of one frame, by ascending id."""

    frame_index: int
    time_s: float
    objects: tuple[MaskRisk, ...]


def risks(run: Run) -> Iterator[FrameRisk]:
    """The risk of every mask of a run, by ascending frame.  Raises BadRun if it is damaged."""
    meter = _RiskMeter(run)
    for masks in run:
        yield meter.step(masks)


class _RiskMeter:
    """What is known beside the masks: spans, anchors, events, agreement of one shard."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._spans = {spans.object_id: spans for spans in run.spans}
        self._observer = EvidenceObserver(_references(run))
        self._events = _by_frame(run.events)
        self._boxes: dict[int, Box] = {}
        self._shard = -1
        self._agreements: Agreements = {}

    def step(self, masks: FrameMasks) -> FrameRisk:
        frame = masks.frame_index
        self._read_agreements(frame)
        settled = {obj for obj in masks if self._is_settled(obj, frame)}
        found = self._observer.step(masks, self._events.get(frame, ()), settled)
        self._boxes = {obj: box for obj, box in self._boxes.items() if obj in found}
        objects = (self._of_object(masks, obj, found[obj]) for obj in masks)
        return FrameRisk(frame, masks.time_s, tuple(objects))

    def _of_object(self, masks: FrameMasks, obj: int, evidence: Evidence) -> MaskRisk:
        frame = masks.frame_index
        place = masks.object_ids.index(obj)
        crop = masks.crop(obj)
        if crop.mask.size:
            self._boxes[obj] = crop.xyxy
        state = self._state(obj, frame)
        settled = state in SETTLED
        agreement = self._agreements.get((obj, frame))
        evidence = self._to_nearest_anchor(evidence, obj, frame, state)
        return MaskRisk(
            object_id=obj,
            risk=0.0 if settled else risk_of(evidence, agreement),
            reasons=() if settled else reasons_of(evidence, agreement),
            visible=bool(masks.visible[place]),
            anchored=self._is_anchor(obj, frame) or masks.sources[place] in _GIVEN,
            score=float(masks.scores[place]),
            area=crop.area,
            state=state,
            box=self._boxes.get(obj),
        )

    def _to_nearest_anchor(
        self, evidence: Evidence, obj: int, frame: int, state: SpanState
    ) -> Evidence:
        """With the age counted to the next anchor as well, where masks come from there: what
        lies before the first anchor, and a corrected span, were tracked backward.
        """
        anchors = self._spans[obj].anchors if obj in self._spans else ()
        place = bisect_left(anchors, frame)
        backward = state is SpanState.CORRECTED or place == 0
        if place == len(anchors) or not backward:
            return evidence
        if place == 0:
            return replace(evidence, age=math.log1p(anchors[0] - frame))
        return replace(evidence, age=min(evidence.age, math.log1p(anchors[place] - frame)))

    def _state(self, obj: int, frame: int) -> SpanState:
        spans = self._spans.get(obj)
        return SpanState.PREDICTED if spans is None else spans.state_at(frame)

    def _is_anchor(self, obj: int, frame: int) -> bool:
        anchors = self._spans[obj].anchors if obj in self._spans else ()
        place = bisect_left(anchors, frame)
        return place < len(anchors) and anchors[place] == frame

    def _is_settled(self, obj: int, frame: int) -> bool:
        """Whether the masks behind this one are compared with it."""
        return self._is_anchor(obj, frame) or self._state(obj, frame) is SpanState.ACCEPTED

    def _read_agreements(self, frame: int) -> None:
        """Those of the shard that holds the frame, when it is entered."""
        size = self._run.header.shard_frames
        shard = frame // size
        if shard != self._shard:
            self._shard = shard
            content = self._run.content
            self._agreements = read_agreement(content, shard * size, (shard + 1) * size)


def _references(run: Run) -> dict[int, MaskCrop]:
    """The masks at the first anchor of the objects that have masks before it."""
    begins = {stored.id: stored.first_frame for stored in run.objects}
    found: dict[int, MaskCrop] = {}
    for spans in run.spans:
        begin = begins.get(spans.object_id)
        if begin is None or not spans.anchors or begin >= spans.anchors[0]:
            continue
        anchor = spans.anchors[0]
        if anchor in run and spans.object_id in (masks := run[anchor]):
            crop = masks.crop(spans.object_id)
            found |= {spans.object_id: crop} if crop.mask.any() else {}
    return found


def _by_frame(events: Iterable[TrackEvent]) -> dict[int, list[TrackEvent]]:
    found: dict[int, list[TrackEvent]] = {}
    for event in events:
        found.setdefault(event.frame, []).append(event)
    return found
