"""A step of tracking with distractors: they are tracked beside the live objects, unseen.

Enters: a frame and the live objects.  Leaves: their masks, without those of distractors, and
the session's state with the distractors as they are now.  They are looked for where an object
is prompted, by its mask there.  An object that joins later may be one of them: then that one
is dropped.
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
from vseg.session.state import SessionState
from vseg.session.tracked_masks import TrackedMasks
from vseg.session.tracked_object import Prior, TrackedObject
from vseg.tensors import Decoded
from vseg.types import Frame

# Share of a distractor, as it was on the frame before, on an object of the user from which it
# is that object. Not tuned.
_SAME = 0.3

Cells = Bool[np.ndarray, "O h4 w4"]


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
        if not beside and not any(frame.index in o.prompts for o in live):
            return masks
        cells = np.asarray((masks.decoded.logits > 0).cpu().numpy())
        rows = [row for row, o in enumerate(live) if frame.index in o.prompts]
        self._drop(before, cells[rows], live)
        tracked = np.asarray(cells.any(0))
        for row in rows:
            if cells[row].any():
                image = EncodedImage(frame, features())
                tracked |= self._look(image, row, live, masks.decoded.logits[row], tracked)
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
        new = [self.state.add_distractor(prompted, t, mask, live) for mask in found]
        if not new:
            return np.zeros_like(tracked)
        masks = self.engine.track(image.frame, lambda: image.features, new)
        return np.asarray((masks.decoded.logits > 0).any(0).cpu().numpy())


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
