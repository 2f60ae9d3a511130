"""Decoded masks with some rows replaced: made absent, taken from another result, or cut from
another row.

Enters and leaves: Decoded.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.tensors import CERTAIN_LOGIT, Decoded
from vseg.weights.device import uploaded


def with_absent(decoded: Decoded, absent: Bool[np.ndarray, " O"]) -> Decoded:
    """The same with the absent rows empty and not present."""
    if not absent.any():
        return decoded
    # An absent row is as the decoder itself leaves one: background everywhere, presence 0.
    rows = uploaded(torch.from_numpy(absent), decoded.logits.device)
    return replace(
        decoded,
        logits=decoded.logits.masked_fill(rows[:, None, None], -CERTAIN_LOGIT),
        presence=decoded.presence.masked_fill(rows, 0.0),
    )


def with_rows_of(decoded: Decoded, other: Decoded, rows: Bool[Tensor, " O"]) -> Decoded:
    """The same with `rows` replaced by those of `other`; presence stays."""
    return replace(
        decoded,
        logits=torch.where(rows[:, None, None], other.logits, decoded.logits),
        quality=torch.where(rows, other.quality, decoded.quality),
        embedding=torch.where(rows[:, None], other.embedding, decoded.embedding),
    )


def with_shares(
    decoded: Decoded, masks: Mapping[int, Bool[np.ndarray, "h w"]], holders: Mapping[int, int]
) -> Decoded:
    """The same with the rows of `masks` cut from those of their `holders`, whose quality and
    presence they get.
    """
    logits = decoded.logits.clone()
    quality = decoded.quality.clone()
    presence = decoded.presence.clone()
    for row, mask in masks.items():
        holder = holders[row]
        share = uploaded(torch.from_numpy(mask), logits.device)
        logits[row] = decoded.logits[holder].masked_fill(~share, -CERTAIN_LOGIT)
        quality[row] = decoded.quality[holder]
        presence[row] = decoded.presence[holder]
    return replace(decoded, logits=logits, quality=quality, presence=presence)


def proposed_logits(decoded: Decoded, row: int, k: int) -> Float[Tensor, "h4 w4"]:
    """The logits of an object's k-th proposal; of its only mask where the model proposed no
    others.
    """
    alternatives = decoded.alternatives
    return decoded.logits[row] if alternatives is None else alternatives.logits[row, k]
