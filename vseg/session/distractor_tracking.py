"""A step of tracking with distractors: they are tracked beside the live objects, unseen.

Enters: a frame and the live objects.  Leaves: their masks, without those of distractors, and
the session's state with the distractors as they are now.  Look-alikes are looked for where an
object is prompted, by its mask there, things that move beside it on every few frames.  An
object that joins later may be one of them: then that one is dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.interfaces.grounder import FrameFeatures
from vseg.session.distractor_finder import MOST, DistractorFinder
from vseg.session.encoded_image import EncodedImage
from vseg.session.engine import Engine
from vseg.session.identity.identity_input import grey_image
from vseg.session.identity.optical_flow import Flow
from vseg.session.moving_things import OwnMotion, around
from vseg.session.state import SessionState
from vseg.session.tracked_masks import TrackedMasks
from vseg.session.tracked_object import Prior, TrackedObject
from vseg.tensors import Decoded
from vseg.types import Frame

# Share of a distractor, as it was on the frame before, on an object of the user from which it
# is that object. Not tuned.
_SAME = 0.3
# What moved beside an object is let go when it was unseen for more than so many frames, or is
# farther from it, in square roots of the object's area. Not tuned.
_UNSEEN = 15
_FAR = 2.0

Cells = Bool[np.ndarray, "O h4 w4"]


@dataclass(frozen=True, slots=True)
class _Seen:
    """flow: into a frame; masks: of its live objects; tracked: cells of all tracked."""

    flow: Flow
    masks: Cells
    tracked: Bool[np.ndarray, "h4 w4"]


@dataclass(frozen=True, slots=True)
class DistractorTracking:
    """The distractors of one session."""

    state: SessionState
    engine: Engine

    def track(
        self, frame: Frame, features: FrameFeatures, live: Sequence[TrackedObject]
    ) -> TrackedMasks:
        """The masks of the live objects on the next frame, which may be remembered."""
        beside = self._beside(live, frame.index)
        before = [(known, known.prior) for known in beside]
        masks = self.engine.track(frame, features, [*live, *beside])
        map_hw = masks.decoded.logits.shape[1:]
        flow = self.state.watch.flow(frame.index, lambda: grey_image(frame.image, map_hw))
        rows = [row for row, o in enumerate(live) if frame.index in o.prompts]
        if not beside and not rows and flow is None:
            return masks
        cells = np.asarray((masks.decoded.logits > 0).cpu().numpy())
        self._drop(before, cells[rows], live)
        tracked = np.asarray(cells.any(0))
        for row in rows:
            if cells[row].any():
                image = EncodedImage(frame, features())
                tracked |= self._look(image, row, live, masks.decoded.logits[row], tracked)
        if flow is not None:
            seen = _Seen(flow, cells[: len(live)], tracked)
            self._watch(frame, features, live, seen)
        if not beside:
            return masks
        mine = [masks.decoded.row(row) for row in range(len(live))]
        return replace(masks, decoded=Decoded.stack(mine))

    def _beside(self, live: Sequence[TrackedObject], frame_index: int) -> list[TrackedObject]:
        """The distractors of these objects that are known on a frame; those that may be one of
        the objects are dropped.
        """
        reverse: dict[int | None, bool] = {o.object_id: o.reverse for o in live}
        beside = []
        for known in list(self.state.distractors.values()):
            known.reverse = reverse.get(known.distractor_of, known.reverse)
            here = known.distractor_of in reverse and known.born(frame_index, known.reverse)
            if any(_may_be(known, tracked, frame_index, here) for tracked in live):
                self.state.drop_distractor(known.object_id)
            elif here:
                beside.append(known)
        return beside

    def _drop(
        self,
        before: Sequence[tuple[TrackedObject, Prior | None]],
        prompted: Cells,
        live: Sequence[TrackedObject],
    ) -> None:
        """Drop what became small, for it would be tracked in a crop, and what is prompted."""
        taken = np.asarray(prompted.any(0))
        for known, prior in before:
            same = prior is not None and _shared(prior, taken) > _SAME
            if same or known.place is not None:
                self.state.drop_distractor(known.object_id)
            known.apart_from.update(tracked.object_id for tracked in live)

    def _look(
        self,
        image: EncodedImage,
        row: int,
        live: Sequence[TrackedObject],
        logits: Float[Tensor, "h4 w4"],
        tracked: Bool[np.ndarray, "h4 w4"],
    ) -> Bool[np.ndarray, "h4 w4"]:
        """Find the distractors of a live object that is prompted on this frame, and begin to
        track them: their cells.  tracked: those of all that is tracked already.
        """
        prompted = live[row]
        t = image.frame.index
        known = self.state.distractors.values()
        free = MOST - len(known)
        if not free or any(d.distractor_of == prompted.object_id for d in known):
            return np.zeros_like(tracked)
        finder = DistractorFinder(self.engine.model, self.engine.small.settings.below)
        found = finder.find(image, logits.to(image.features.key), tracked)[:free]
        new = [
            self.state.add_distractor(prompted, t, mask, live, moving=False) for mask in found
        ]
        if not new:
            return np.zeros_like(tracked)
        masks = self.engine.track(image.frame, lambda: image.features, new)
        return np.asarray((masks.decoded.logits > 0).any(0).cpu().numpy())

    def _watch(
        self, frame: Frame, features: FrameFeatures, live: Sequence[TrackedObject], seen: _Seen
    ) -> None:
        """Look for something that moves beside a live object, and begin to track it."""
        self._let_go(frame.index, live, seen.masks)
        whole = [row for row, o in enumerate(live) if o.place is None and o.prior is not None]
        motion = OwnMotion.of(seen.flow, seen.tracked) if whole else None
        if motion is None or len(self.state.distractors) >= MOST:
            return
        things = motion.things([seen.masks[row] for row in whole], seen.tracked)
        if not things:
            return
        image = EncodedImage(frame, features())
        mask = motion.mask_of(things[0].cells, self.engine.model, image, seen.tracked)
        if mask is None:
            self.state.watch.refuse(frame.index)
            return
        self.state.watch.accept()
        beside = live[whole[things[0].row]]
        new = self.state.add_distractor(beside, frame.index, mask, live, moving=True)
        self.engine.track(frame, features, [new])

    def _let_go(self, frame_index: int, live: Sequence[TrackedObject], cells: Cells) -> None:
        """Drop what moved beside an object, and is not beside it any more or long unseen."""
        row_of = {o.object_id: row for row, o in enumerate(live)}
        for known in [d for d in self.state.distractors.values() if d.moving]:
            identity = self.state.identities.objects.get(known.object_id)
            seen = None if identity is None else identity.last_visible
            unseen = seen is None or abs(frame_index - seen) > _UNSEEN
            row = None if known.distractor_of is None else row_of.get(known.distractor_of)
            if unseen or (row is not None and _far(known, cells[row])):
                self.state.drop_distractor(known.object_id)


def _far(known: TrackedObject, mask: Bool[np.ndarray, "h4 w4"]) -> bool:
    """Whether a thing in view is far from an object in view."""
    if known.prior is None or not mask.any():
        return False
    thing = np.asarray((known.prior.logits > 0).cpu().numpy())
    there = around(mask, int(_FAR * np.sqrt(np.count_nonzero(mask))))
    return not thing[there].any()


def _may_be(
    known: TrackedObject, tracked: TrackedObject, frame_index: int, here: bool
) -> bool:
    """Whether a distractor may be an object that it was not tracked beside yet, or that is
    prompted on this frame, by all that is known before the frame.

    here: whether the distractor is tracked on this frame; else nobody knows where it is.
    """
    prompted = frame_index in tracked.prompts
    joins = tracked.object_id not in known.apart_from
    if not here or not (prompted or joins):
        return prompted and joins
    place = known.prior
    if prompted:  # the object's mask on this frame tells, unless the pass begins anew
        if place is None:
            return joins
        return not _follows(frame_index, place, known.reverse)
    other = tracked.prior
    if place is None or other is None or other.frame_index != place.frame_index:
        return True
    anew = not _follows(frame_index, place, known.reverse)
    return anew or _shared(place, (other.logits > 0).cpu().numpy()) > _SAME


def _follows(frame_index: int, place: Prior, reverse: bool) -> bool:
    """Whether a pass has come from a place to this frame."""
    since = frame_index - place.frame_index
    return since < 0 if reverse else since > 0


def _shared(prior: Prior, taken: Bool[np.ndarray, "h4 w4"]) -> float:
    """The share of a mask that is taken; 0 of one on other cells."""
    mask = np.asarray((prior.logits > 0).cpu().numpy())
    if mask.shape != taken.shape:
        return 0.0
    return int((mask & taken).sum()) / max(1, int(mask.sum()))
