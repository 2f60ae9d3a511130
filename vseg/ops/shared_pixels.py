"""Which of two masks keeps the pixels that both have, where they were decoded apart.

Enters: the masks that objects claim on one frame.  Leaves: what either of two loses.  Without
logits the smaller mask keeps all, for one that is tracked or clicked alone errs by spreading.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from vseg.types import MaskCrop

STANDS = 2
"""The rank of a mask that the user gave."""


@dataclass(frozen=True, slots=True)
class ClaimedMask:
    """An object's mask on a frame.

    rank: the higher one keeps the pixels that two share; two that stand share them.  logits:
    gives what the mask was made of at video size, None where nothing but the mask is known.
    """

    object_id: int
    crop: MaskCrop
    rank: int
    logits: Callable[[], Float32[np.ndarray, "H W"]] | None = None


def losses(pairs: Iterable[tuple[ClaimedMask, ClaimedMask]]) -> dict[int, list[MaskCrop]]:
    """What objects lose to each other, by object: the pixels that two share go to the higher
    rank, and between equals each to the larger logit, or all to the smaller mask.
    """
    lost: dict[int, list[MaskCrop]] = {}
    for one, other in pairs:
        shared = one.crop.without([one.crop.without([other.crop])])
        if not shared.area or one.rank == other.rank == STANDS:
            continue
        if one.rank != other.rank:
            less = np.full(shared.mask.shape, one.rank < other.rank)
        elif one.logits is not None and other.logits is not None:
            x1, y1, x2, y2 = shared.xyxy
            less = (one.logits() < other.logits())[y1:y2, x1:x2]
        else:
            larger = (one.crop.area, one.object_id) > (other.crop.area, other.object_id)
            less = np.full(shared.mask.shape, larger)
        lost.setdefault(one.object_id, []).append(replace(shared, mask=shared.mask & less))
        lost.setdefault(other.object_id, []).append(replace(shared, mask=shared.mask & ~less))
    return lost
