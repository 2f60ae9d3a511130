"""Pixels that a corrected object and another one both have after a correction, given to one.

Enters: a draft, and the frames on which objects were tracked again.  Leaves: the draft without
a pixel that a mask tracked again shares with one that was not tracked with it.  Which of them
keeps it is decided as wherever masks of separate passes meet (`FrameMasks.with_others`);
what the user gave there and accepted masks stay.
"""

from collections.abc import Collection, Mapping, Sequence

from vseg.ops.masks import crop_overlap
from vseg.results.draft import RevisionDraft
from vseg.results.mask_rows import FrameRecord, MaskRow
from vseg.results.masks import pack, unpack
from vseg.results.spans import SpanState
from vseg.results.stored_rows import StoredRows
from vseg.session.identity.nested_objects import NESTED
from vseg.types import Mask, Polygon

Stretches = Mapping[int, Sequence[tuple[int, int]]]
"""By object, frames [first, end)."""


class CorrectionOverlaps:
    """The overlaps of one draft's masks, whose prompts are among its own.  left_out: objects
    that take no pixel from others.
    """

    def __init__(self, draft: RevisionDraft, left_out: Collection[int] = ()) -> None:
        self._draft = draft
        self._left_out = left_out
        self._stored = StoredRows(draft)
        self._given = {
            (prompt.object_id, prompt.frame_index)
            for prompt in draft.content.prompts
            if isinstance(prompt.value, Mask | Polygon)
        }
        self._nested: dict[tuple[int, int], bool] = {}

    def settle(self, tracked: Stretches) -> None:
        """Leave no pixel in two masks of which one was tracked again on that frame."""
        stretches = [one for several in tracked.values() for one in several]
        if not stretches:
            return

        def settled(record: FrameRecord) -> Sequence[MaskRow]:
            rows = {row.object_id: row for row in record.rows}
            for obj, several in tracked.items():
                inside = any(first <= record.index < end for first, end in several)
                if inside and obj in rows:
                    rows |= self._apart(record.index, rows, obj)
            return tuple(rows.values())

        first = min(first for first, _ in stretches)
        self._draft.rewrite(first, max(end for _, end in stretches), settled)

    def left_of(self, row: MaskRow, record: FrameRecord) -> MaskRow:
        """A new row of an object, without the pixels that others keep that are stored on its
        frame.
        """
        rows = {other.object_id: other for other in record.rows} | {row.object_id: row}
        return self._apart(row.frame, rows, row.object_id).get(row.object_id, row)

    def _apart(self, frame: int, rows: Mapping[int, MaskRow], obj: int) -> dict[int, MaskRow]:
        """The rows of an object and of those that share pixels with it, without these."""
        others = [i for i in rows if i != obj and i not in self._left_out]
        others = [i for i in others if _meet(rows[obj], rows[i])]
        others = [i for i in others if not self._are_nested(obj, i)]
        if not others:
            return {}
        some = tuple(rows[i] for i in sorted([obj, *others]))
        first = some[0]
        record = FrameRecord(frame, first.pts, first.time_s, prompted=False, rows=some)
        video = self._draft.header.video
        masks = unpack(record, video.height, video.width)
        spans = self._draft.content.spans
        kept = [i for i in masks if spans[i].state_at(frame) is SpanState.ACCEPTED]
        kept += [i for i in masks if (i, frame) in self._given]
        joined = masks.only([obj]).with_others(masks.only(others), kept)
        return {row.object_id: row for row in pack(joined).rows}

    def _are_nested(self, one: int, other: int) -> bool:
        """Whether the user gave both on one frame, the one as a part of the other."""
        pair = min(one, other), max(one, other)
        if pair not in self._nested:
            spans = self._draft.content.spans
            both = set(spans[one].anchors) & set(spans[other].anchors)
            self._nested[pair] = any(self._lies_in(*pair, frame) for frame in both)
        return self._nested[pair]

    def _lies_in(self, one: int, other: int, frame: int) -> bool:
        crops = [self._stored.crop(i, frame) for i in (one, other)]
        areas = [0 if crop is None else crop.area for crop in crops]
        if crops[0] is None or crops[1] is None or not min(areas):
            return False
        return crop_overlap(crops[0], crops[1]) > NESTED * min(areas)


def _meet(one: MaskRow, other: MaskRow) -> bool:
    """Whether the boxes of two masks share a pixel."""
    x1, y1, x2, y2 = one.xyxy
    left, top, right, bottom = other.xyxy
    return max(x1, left) < min(x2, right) and max(y1, top) < min(y2, bottom)
