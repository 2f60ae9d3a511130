"""One object per pixel where small objects are: settled on the cells of their crops.

Enters: the rows of small objects and the logits of all others.  Leaves: the rows without what
a competitor claims more, and masks at video size of which no two share a pixel.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vseg.session.crops.crop_row import CropRow
from vseg.session.crops.view import CropView, resampled
from vseg.types import MaskCrop

# The share of its pixels from which on a loss makes an object unreliable: as for others
# (`vseg.session.identity.overlaps`).
_LOST_PIXELS = 0.5


@dataclass(frozen=True, slots=True)
class Claim:
    """The logits of an object that is visible, and what their cells cover."""

    object_id: int
    view: CropView
    logits: Float[Tensor, "h w"]


def settled(
    rows: Mapping[int, CropRow],
    claims: Sequence[Claim],
    competitors: Mapping[int, Sequence[int]],
) -> dict[int, CropRow]:
    """The rows less their strongest competitors.  claims: of all visible objects, these too.
    competitors: by object id, who may not share its pixels.
    """
    after = {}
    for object_id, row in rows.items():
        mine = row.logits
        hw = (mine.shape[0], mine.shape[1])
        competing = [
            resampled(c.logits, c.view, row.view, hw)
            for c in claims
            if c.object_id in competitors[object_id] and c.view.overlaps(row.view)
        ]
        if not competing:
            after[object_id] = row
            continue
        left = mine - torch.stack(competing).amax(dim=0).clamp_min(0)
        kept = int((left > 0).sum()) > (1 - _LOST_PIXELS) * int((mine > 0).sum())
        after[object_id] = row.with_logits(left, reliable=kept)
    return after


def without_shared(
    masks: Mapping[int, MaskCrop], competitors: Mapping[int, Sequence[int]]
) -> dict[int, MaskCrop]:
    """Masks at video size, the first of two that compete for a pixel keeping it.

    Their cells differ in size: along a common edge both may round to the same pixel.
    """
    kept: dict[int, MaskCrop] = {}
    for object_id, mask in masks.items():
        competing = [kept[i] for i in competitors[object_id] if i in kept]
        kept[object_id] = mask.without(competing)
    return kept
