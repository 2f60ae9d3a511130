"""A step of tracking with distractors: they are tracked beside the live objects, unseen.

Enters: a frame and the live objects.  Leaves: their masks, without those of distractors, and
the session's state with the distractors as they are now.  They are looked for where an object
is prompted, by its mask there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.interfaces.grounder import FrameFeatures
from vseg.session.distractor_finder import MOST, DistractorFinder
from vseg.session.engine import Engine
from vseg.session.image_predictor import EncodedImage
from vseg.session.state import SessionState
from vseg.session.tracked_masks import TrackedMasks
from vseg.session.tracked_object import Prior, TrackedObject
from vseg.tensors import Decoded
from vseg.types import Frame

# Share of a distractor, as it was on the frame before, on what is prompted now from which it
# is an object of the user. Not tuned.
_PROMPTED = 0.3

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
        before = {d.object_id: d.prior for d in beside}
        masks = self.engine.track(frame, features, [*live, *beside])
        cells = np.asarray((masks.decoded.logits > 0).cpu().numpy())
        rows = [row for row, o in enumerate(live) if frame.index in o.prompts]
        self._drop(before, cells[rows])
        tracked = np.asarray(cells.any(0))
        for row in rows:
            if cells[row].any():
                image = EncodedImage(frame, features())
                tracked |= self._look(image, live[row], masks.decoded.logits[row], tracked)
        if not beside:
            return masks
        mine = [masks.decoded.row(row) for row in range(len(live))]
        return replace(masks, decoded=Decoded.stack(mine))

    def _beside(self, live: Sequence[TrackedObject], frame_index: int) -> list[TrackedObject]:
        """The distractors of these objects that are known on a frame."""
        reverse = {tracked.object_id: tracked.reverse for tracked in live}
        beside = []
        for known in self.state.distractors.values():
            if known.distractor_of in reverse:
                known.reverse = reverse[known.distractor_of]
                if known.born(frame_index, known.reverse):
                    beside.append(known)
        return beside

    def _drop(self, before: dict[int, Prior | None], prompted: Cells) -> None:
        """Drop what became small, for it would be tracked in a crop, and what is prompted."""
        taken = np.asarray(prompted.any(0))
        for obj, prior in before.items():
            small = self.state.distractors[obj].place is not None
            if small or (prior is not None and _shared(prior, taken) > _PROMPTED):
                self.state.drop_distractor(obj)

    def _look(
        self,
        image: EncodedImage,
        prompted: TrackedObject,
        logits: Float[Tensor, "h4 w4"],
        tracked: Bool[np.ndarray, "h4 w4"],
    ) -> Bool[np.ndarray, "h4 w4"]:
        """Find the distractors of an object that is prompted on this frame, and begin to
        track them: their cells.  tracked: those of all that is tracked already.
        """
        t = image.frame.index
        known = self.state.distractors.values()
        free = MOST - len(known)
        if not free or any(d.distractor_of == prompted.object_id for d in known):
            return np.zeros_like(tracked)
        finder = DistractorFinder(self.engine.model, self.engine.small.settings.below)
        found = finder.find(image, logits.to(image.features.key), tracked)[:free]
        new = [self.state.add_distractor(prompted, t, mask) for mask in found]
        if not new:
            return np.zeros_like(tracked)
        masks = self.engine.track(image.frame, lambda: image.features, new)
        return np.asarray((masks.decoded.logits > 0).any(0).cpu().numpy())


def _shared(prior: Prior, taken: Bool[np.ndarray, "h4 w4"]) -> float:
    """The share of a mask that is taken; 0 of one on other cells."""
    mask = np.asarray((prior.logits > 0).cpu().numpy())
    if mask.shape != taken.shape:
        return 0.0
    return int((mask & taken).sum()) / max(1, int(mask.sum()))
