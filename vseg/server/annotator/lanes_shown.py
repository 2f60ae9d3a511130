"""Lanes as a page draws them: a stretch of the clip in as many cells as it is wide.

Enters: the bytes of a LaneStore, spans, pending prompts.  Leaves: LaneCells, whose size goes
by the number of cells and never by the length of the clip.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from vseg.results.spans import ObjectSpans, SpanState
from vseg.server.annotator.lane_store import TRACKED, UNKNOWN_RISK, VISIBLE, LaneStore
from vseg.server.annotator.messages import LaneCells
from vseg.server.annotator.wire_values import Span

_STATES = (SpanState.PREDICTED, SpanState.CORRECTED, SpanState.ACCEPTED, SpanState.ABSENT)
"""By ascending rank in a cell that holds several; a rank is one more than the place."""


@dataclass(frozen=True, slots=True)
class LaneView:
    """Frames [first, end) in `cells` cells, at most one a frame."""

    first: int
    end: int
    cells: int

    @staticmethod
    def of(first: int, end: int, bins: int) -> "LaneView":
        return LaneView(first, end, max(1, min(bins, end - first)))

    @property
    def starts(self) -> Int64[np.ndarray, " X"]:
        """The frame that each cell begins with, counted from `first`."""
        count = self.end - self.first
        return -(-np.arange(self.cells, dtype=np.int64) * count // self.cells)

    def cell_of(self, frame: int) -> int:
        return (frame - self.first) * self.cells // (self.end - self.first)


def lane_cells(
    view: LaneView,
    store: LaneStore,
    spans: ObjectSpans,
    pending: Sequence[int],
    stale: Sequence[Span],
) -> LaneCells:
    """The lane of one object.  pending: frames with prompts that were not propagated; stale:
    what they will track again.
    """
    obj = spans.object_id
    states = np.zeros(view.cells, dtype=np.int64)
    visible = np.zeros(view.cells, dtype=np.int64)
    risk = np.full(view.cells, -1, dtype=np.int64)
    if obj in store.object_ids:
        rows = store.rows(obj, view.first, view.end)
        starts = view.starts
        held = np.maximum.reduceat(rows & TRACKED, starts) > 0
        frames = np.diff(np.append(starts, view.end - view.first))
        seen = np.add.reduceat((rows & VISIBLE) // VISIBLE, starts, dtype=np.int64)
        visible = 100 * seen // frames
        states = np.where(held, _ranks(view, spans), 0)
        known = store.risk(obj, view.first, view.end).astype(np.int64)
        risk = np.maximum.reduceat(np.where(known == UNKNOWN_RISK, -1, known), starts)
    return LaneCells(
        object=obj,
        states=states.tolist(),
        visible=visible.tolist(),
        risk=risk.tolist(),
        anchors=_one_a_cell(view, spans.anchors),
        pending=_one_a_cell(view, pending),
        stale=[(s.first, s.end) for s in stale if s.object == obj],
    )


def _ranks(view: LaneView, spans: ObjectSpans) -> Int64[np.ndarray, " X"]:
    """The highest rank of a state in each cell."""
    ranks = np.ones(view.cells, dtype=np.int64)
    for span in spans.spans:
        first = max(span.first, view.first)
        end = min(span.end, view.end)
        if first < end:
            part = slice(view.cell_of(first), view.cell_of(end - 1) + 1)
            ranks[part] = np.maximum(ranks[part], _STATES.index(span.state) + 1)
    return ranks


def _one_a_cell(view: LaneView, frames: Sequence[int]) -> list[int]:
    """The first of the frames in each cell."""
    chosen: dict[int, int] = {}
    for frame in sorted(frames):
        if view.first <= frame < view.end:
            chosen.setdefault(view.cell_of(frame), frame)
    return list(chosen.values())
