"""What was tracked of the live objects on a frame -> FrameMasks."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vseg.frame_masks import FrameMasks, LogitCrops
from vseg.session.decoded_masks import decoded_masks
from vseg.session.fine_masks import with_given_masks
from vseg.session.identity.identities import Identities
from vseg.session.tracked_masks import TrackedMasks
from vseg.session.tracked_object import TrackedObject
from vseg.types import Frame


def frame_masks(
    frame: Frame,
    live: Sequence[TrackedObject],
    tracked: TrackedMasks | None,
    identities: Identities,
) -> FrameMasks:
    """The masks of the live objects, as tracked; None where no object is live.

    A mask that the user prompted with, alone, is returned as it was given; its competitors
    have none of its pixels.
    """
    if tracked is None:
        none = np.zeros((0, 1, 1), dtype=np.float32)
        crops = LogitCrops((), none, np.zeros(0, dtype=bool), frame.hw, {})
        return replace(FrameMasks.empty(frame), crops=crops)
    prompted = [o for o in live if frame.index in o.prompts]
    given = {o.object_id: o.given_mask(frame.index) for o in prompted}
    exact = {obj: mask for obj, mask in given.items() if mask is not None}
    ids = [o.object_id for o in live]
    fine = tracked.fine
    if exact:
        fine = with_given_masks(fine, exact, ids, identities.competitors(ids))
    return decoded_masks(frame, ids, tracked.decoded, given, exact, fine)
