"""Decoded masks with some rows replaced: hidden, taken from a proposal, or cut from another's.

Enters and leaves: Decoded.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.tensors import Decoded

_NOTHING_LOGIT = -8.0


def without(decoded: Decoded, hidden: Bool[np.ndarray, " O"]) -> Decoded:
    """The same with the hidden rows empty and absent."""
    if not hidden.any():
        return decoded
    rows = torch.from_numpy(hidden).to(decoded.logits.device)
    return replace(
        decoded,
        logits=decoded.logits.masked_fill(rows[:, None, None], _NOTHING_LOGIT),
        presence=decoded.presence.masked_fill(rows, 0.0),
    )


def mixed(one: Decoded, other: Decoded, first: Bool[Tensor, " O"]) -> Decoded:
    """Rows of `one` where `first`, else of `other`."""
    return replace(
        one,
        logits=torch.where(first[:, None, None], one.logits, other.logits),
        quality=torch.where(first, one.quality, other.quality),
        embedding=torch.where(first[:, None], one.embedding, other.embedding),
    )


def proposed(decoded: Decoded, row: int, k: int) -> Float[Tensor, "h4 w4"]:
    """The logits of an object's k-th hypothesis; of its only one where the model proposes no
    others.
    """
    of = decoded.alternatives
    return decoded.logits[row] if of is None else of.logits[row, k]


def handed(
    decoded: Decoded, masks: Mapping[int, Bool[np.ndarray, "h w"]], holders: Mapping[int, int]
) -> Decoded:
    """The same with the rows of `masks` cut from those of their `holders`, and as sure as
    these.
    """
    logits = decoded.logits.clone()
    quality = decoded.quality.clone()
    presence = decoded.presence.clone()
    for row, mask in masks.items():
        held = holders[row]
        mine = torch.from_numpy(mask).to(logits.device)
        logits[row] = decoded.logits[held].masked_fill(~mine, _NOTHING_LOGIT)
        quality[row], presence[row] = decoded.quality[held], decoded.presence[held]
    return replace(decoded, logits=logits, quality=quality, presence=presence)
