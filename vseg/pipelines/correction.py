"""Corrections by tracking: prompts on frames of a finished run in, other masks around them
out.

Enters: a draft of the next revision, and prompts.  Leaves: the draft with new rows for the
prompted objects, from each prompted frame to where the new masks join the stored ones
(`vseg.pipelines.seam`), and never beyond the next anchor.  A stretch between two anchors that
is tracked to its end is tracked back from the other one as well.  Objects that are prompted on
one frame are tracked together, as in any session; all others are left as they are, but for
pixels that a new mask shares with them (`vseg.pipelines.correction_overlaps`).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vseg.pipelines.correction_gaps import Gap
from vseg.pipelines.correction_overlaps import CorrectionOverlaps
from vseg.pipelines.correction_pass import CorrectionPass, PassEnd
from vseg.pipelines.correction_plan import plan
from vseg.pipelines.correction_session import (
    SessionSetup,
    Values,
    decode_prompted,
    with_stored,
)
from vseg.pipelines.correction_turns import PromptTurns
from vseg.pipelines.job import ProgressCallbacks
from vseg.pipelines.known_masks import KnownMasks
from vseg.pipelines.propagation_settings import PropagationSettings
from vseg.pipelines.seam import agreement
from vseg.results.draft import RevisionDraft
from vseg.results.mask_rows import FrameRecord, MaskRow
from vseg.results.masks import pack
from vseg.results.stored_rows import StoredRows
from vseg.results.track_spool import TrackSpool
from vseg.session.session import Session
from vseg.types import Mask, MaskCrop, Prompt, PromptValue


@dataclass(frozen=True, slots=True)
class CorrectedSpan:
    """Frames [first, end) of an object that were tracked again from a prompt on `anchor`."""

    object_id: int
    first: int
    end: int
    anchor: int


class Correction:
    """The tracking of all prompts of an edit.

    frames: tracked so far; seconds: how long that took.  cut: objects whose propagation was
    ended by `settings.cut` before it came to its end.  done, left: prompts by whether their
    turn had come.
    """

    def __init__(
        self,
        draft: RevisionDraft,
        tracker: SessionSetup,
        callbacks: ProgressCallbacks,
        settings: PropagationSettings,
    ) -> None:
        self._draft = draft
        self._tracker = tracker
        self._callbacks = callbacks
        self._settings = settings
        self.cut: set[int] = set()
        # Of the prompted frame, until a pass from it has shown its first masks.
        self._decoded: FrameRecord | None = None
        self.done: tuple[Prompt, ...] = ()
        self.left: tuple[Prompt, ...] = ()
        self._stored = StoredRows(draft)
        self._known = KnownMasks(draft, self._stored, tracker.other_anchors)
        self._turns = PromptTurns(draft, ())
        self._most = 0
        self.frames = 0
        self.seconds = 0.0

    def run(self, prompts: Sequence[Prompt]) -> Iterator[CorrectedSpan]:
        """Track from each prompted frame, by ascending frame; what was changed as it comes.

        Raises BadPrompt and NothingFound, and KeyboardInterrupt when the callbacks ask to
        stop: then the draft is of no use any more.
        """
        turns = PromptTurns(self._draft, prompts)
        self._turns = turns
        gaps = plan(self._draft, prompts, self._settings.reach)
        self._most = sum(gap.frames for gap in gaps)
        for frame, values in sorted(turns.frames.items()):
            if self._settings.cut():
                break
            began = time.perf_counter()
            own = [gap for gap in gaps if gap.start == frame]
            yield from self._correct(frame, values, own)
            self.seconds += time.perf_counter() - began
        self.cut |= turns.close()
        # Once all are tracked: what is stored of one whose turn comes later claims nothing.
        CorrectionOverlaps(self._draft).settle(turns.tracked)
        self.done = tuple(prompt for prompt in prompts if turns.had_turn(prompt))
        self.left = tuple(prompt for prompt in prompts if not turns.had_turn(prompt))

    def _correct(
        self, frame: int, values: Values, gaps: Sequence[Gap]
    ) -> Iterator[CorrectedSpan]:
        """The spans around one prompted frame."""
        before = {obj: self._stored.crop(obj, frame) for obj in values}
        refined = {
            obj: with_stored(own, self._known.of(obj, frame)) for obj, own in values.items()
        }
        refined |= self._seen(frame, values)
        returning: dict[int, list[Gap]] = {}
        with self._tracker.session() as session:
            agreed = self._decode(session, frame, refined, before)
            state = session.snapshot()
            for reverse in (False, True):
                session.restore(state)
                own = [gap for gap in gaps if gap.reverse == reverse]
                for end in self._pass(session, own, agreed):
                    yield _span(end)
                    # The anchor that was reached knows better what is near it.
                    if end.reached_anchor is not None:
                        anchor = end.reached_anchor
                        back = Gap(end.gap.object_id, anchor, frame, True, frame)
                        returning.setdefault(anchor, []).append(back)
        self._store_decoded()
        for anchor, back_gaps in sorted(returning.items()):
            yield from self._return(anchor, back_gaps)

    def _seen(self, frame: int, objects: Iterable[int]) -> dict[int, list[PromptValue]]:
        """The masks that were seen of the prompts and stand in their place, by object."""
        seen = {obj: self._settings.seen(obj, frame) for obj in objects}
        video = self._draft.header.video
        return {
            obj: [Mask(crop.paste(video.height, video.width))]
            for obj, crop in seen.items()
            if crop is not None and self._tracker.takes(crop)
        }

    def _return(self, anchor: int, gaps: Sequence[Gap]) -> Iterator[CorrectedSpan]:
        """Track back from an anchor that a pass has come to.

        From a new anchor that is still to be decoded it is done when its turn comes.
        """
        if self._settings.cut():
            return
        due = [
            g for g in gaps if g.frames and (anchor, g.object_id) not in self._turns.pending
        ]
        masks = {gap.object_id: self._known.of(gap.object_id, anchor) for gap in due}
        values = {obj: [mask] for obj, mask in masks.items() if mask is not None}
        due = [gap for gap in due if gap.object_id in values]
        if not due:
            return
        with self._tracker.session() as session:
            self._remember(session, anchor, values)
            decode_prompted(session, anchor, values)
            # Nothing is corrected on this frame: the tracks may be one from the start.
            for end in self._pass(session, due, dict.fromkeys(values, 0.0)):
                yield _span(end)

    def _decode(
        self,
        session: Session,
        frame: int,
        values: Values,
        before: Mapping[int, MaskCrop | None],
    ) -> dict[int, float]:
        """Decode the prompts; how well masks and those before agree, by object."""
        self._remember(session, frame, values)
        masks = decode_prompted(session, frame, values)
        self._settings.on_masks(masks)
        self._decoded = pack(masks)
        self._turns.finish(frame, values)
        self.frames += 1
        agreed = {}
        for obj in values:
            self._turns.mark(obj, frame, frame + 1)
            known = before[obj]
            agreed[obj] = 0.0 if known is None else agreement(known, masks.crop(obj))
        return agreed

    def _store_decoded(self) -> None:
        """Store the masks of the prompted frame, unless it was done."""
        record = self._decoded
        if record is not None:
            self._decoded = None
            self._replace(record.index, record.index + 1, lambda _: record.rows)

    def _remember(self, session: Session, frame: int, objects: Iterable[int]) -> None:
        """Write into memory what is known of the objects near a frame."""
        pending = self._turns.pending
        self.frames += self._known.remember(session, frame, objects, pending)

    def _pass(
        self, session: Session, gaps: Sequence[Gap], agreed: Mapping[int, float]
    ) -> Iterator[PassEnd]:
        """Track the gaps of one direction and store what counts; the ends that changed
        anything.
        """
        if self._settings.cut():
            self.cut |= {gap.object_id for gap in gaps}
            return
        spool = TrackSpool(self._draft.scratch, self._draft.header)
        try:
            # What is stored of one whose turn comes later claims nothing.
            waiting = {obj for _, obj in self._turns.pending}
            overlaps = CorrectionOverlaps(self._draft, {*session.object_ids, *waiting})
            one = CorrectionPass(
                self._tracker, self._stored, overlaps, spool, self._count, self._settings
            )
            ends = one.run(session, gaps, agreed)
            self._store_decoded()
            for end in ends:
                obj = end.gap.object_id
                self.cut |= {obj} if end.is_cut else set()
                self._draft.note_agreement(obj, end.agreement)
                if end.first < end.end:
                    self._take(spool, obj, end.first, end.end)
                    yield end
        finally:
            spool.clear()

    def _take(self, spool: TrackSpool, obj: int, first: int, end: int) -> None:
        """Replace an object's rows of [first, end) by those of a pass."""

        def tracked(record: FrameRecord) -> list[MaskRow]:
            row = spool.row(obj, record.index)
            return [] if row is None else [row]

        self._replace(first, end, tracked)
        self._turns.mark(obj, first, end)

    def _replace(
        self, first: int, end: int, new: Callable[[FrameRecord], Iterable[MaskRow]]
    ) -> None:
        """Put rows in place of those of the same objects on frames [first, end)."""

        def replaced(record: FrameRecord) -> list[MaskRow]:
            rows = {row.object_id: row for row in record.rows}
            rows |= {row.object_id: row for row in new(record)}
            return list(rows.values())

        self._draft.rewrite(first, end, replaced)
        self._stored.forget()

    def _count(self) -> None:
        """Note one more frame, and stop if that is asked."""
        self.frames += 1
        self._callbacks.on_frame(min(self.frames, self._most), self._most)
        if self._callbacks.stop():
            raise KeyboardInterrupt


def _span(end: PassEnd) -> CorrectedSpan:
    return CorrectedSpan(end.gap.object_id, end.first, end.end, end.gap.start)
