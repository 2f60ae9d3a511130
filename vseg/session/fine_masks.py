"""Masks that are finer than the cells of the frame, at video size: decoded so, or given.

Enters: what was decoded of all objects, and the same as the identities left it.  Leaves: masks
of those with finer logits, of which no two share a pixel where their objects compete.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.frame_masks import FineMasks
from vseg.ops.enlarging import enlarged_mask
from vseg.session.crops.crop_pixels import without_shared
from vseg.tensors import PRESENT, Decoded
from vseg.types import MaskCrop


def with_fine_masks(
    small: FineMasks,
    object_ids: Sequence[int],
    decoded: Decoded,
    resolved: Decoded,
    competing: Bool[np.ndarray, "O O"],
    video_hw: tuple[int, int],
) -> FineMasks:
    """The masks of small objects and those with finer logits, each of these without what the
    identities gave to others.
    """
    visible = (resolved.presence > PRESENT).tolist()
    masks = dict(small.masks)
    for row, fine in enumerate(decoded.fine):
        if fine is not None and visible[row] and object_ids[row] not in masks:
            change = resolved.logits[row] - decoded.logits[row]
            masks[object_ids[row]] = _mask(_changed(fine, change), video_hw)
    competitors = _by_id(object_ids, competing & np.array(visible, dtype=bool))
    return FineMasks(without_shared(masks, competitors), competitors)


def with_given_masks(
    fine: FineMasks,
    given: Mapping[int, Bool[np.ndarray, "H W"]],
    object_ids: Sequence[int],
    competing: Bool[np.ndarray, "O O"],
) -> FineMasks:
    """The same beside masks that the user gave on this frame, whose pixels no competitor has:
    enlarged from cells, a neighbour's would reach a pixel or two into them.
    """
    competitors = _by_id(object_ids, competing)
    masks = {i: MaskCrop.of(mask) for i, mask in given.items()}  # first, so that they keep all
    masks |= {i: mask for i, mask in fine.masks.items() if i not in given}
    return FineMasks(without_shared(masks, competitors), competitors)


def own_fine_masks(
    object_ids: Sequence[int], decoded: Decoded, video_hw: tuple[int, int]
) -> FineMasks:
    """The finer masks of objects of which each was decoded as if it were alone."""
    masks = {
        object_ids[row]: _mask(fine, video_hw)
        for row, fine in enumerate(decoded.fine)
        if fine is not None
    }
    return FineMasks(masks, {})


def _by_id(
    object_ids: Sequence[int], competing: Bool[np.ndarray, "O O"]
) -> dict[int, list[int]]:
    """The competitors of each object, as ids."""
    return {
        object_ids[row]: [object_ids[k] for k in others.nonzero()[0]]
        for row, others in enumerate(competing)
    }


def _changed(
    fine: Float[Tensor, "_ _"], change: Float[Tensor, "h4 w4"]
) -> Float[Tensor, "_ _"]:
    """The logits with what the cells of the frame gained or lost."""
    if not change.any():
        return fine
    size = (int(fine.shape[0]), int(fine.shape[1]))
    large = F.interpolate(change[None, None], size, mode="bilinear", align_corners=False)
    return fine + large[0, 0]


def _mask(logits: Float[Tensor, "_ _"], video_hw: tuple[int, int]) -> MaskCrop:
    return enlarged_mask(logits.float().cpu().numpy(), video_hw)
