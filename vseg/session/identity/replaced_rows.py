"""Decoded masks with some rows replaced: made absent, taken from another result, or cut from
the joint mask of several rows.

Enters and leaves: Decoded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.tensors import CERTAIN_LOGIT, Decoded
from vseg.weights.device import uploaded

# What a cell of a divided mask has at least, for or against. A round value.
_LEAST_LOGIT = 0.5


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


def without_cells(decoded: Decoded, cells: Mapping[int, Bool[np.ndarray, "h w"]]) -> Decoded:
    """The same with background on some cells of some rows."""
    logits = decoded.logits.clone()
    for row, of_row in cells.items():
        off = uploaded(torch.from_numpy(of_row), logits.device)
        logits[row].masked_fill_(off, -CERTAIN_LOGIT)
    return replace(decoded, logits=logits)


def with_rows_of(decoded: Decoded, other: Decoded, rows: Bool[Tensor, " O"]) -> Decoded:
    """The same with `rows` replaced by those of `other`; presence stays."""
    return replace(
        decoded,
        logits=torch.where(rows[:, None, None], other.logits, decoded.logits),
        quality=torch.where(rows, other.quality, decoded.quality),
        embedding=torch.where(rows[:, None], other.embedding, decoded.embedding),
    )


def with_shares(
    decoded: Decoded,
    claims: Float[Tensor, "O h w"],
    groups: Sequence[Mapping[int, Bool[np.ndarray, "h w"]]],
) -> Decoded:
    """The same with the masks of each group, by row, in place of what was decoded.

    claims: logits before cells were divided.  In a group a cell is as certain as its surest
    row was; whoever has cells is as present as the most present one.
    """
    logits = decoded.logits.clone()
    presence = decoded.presence.clone()
    for group in groups:
        rows = list(group)
        shares = uploaded(torch.from_numpy(np.stack(list(group.values()))), logits.device)
        surest = claims[rows].amax(0).to(logits).clamp_min(_LEAST_LOGIT)
        others = torch.where(
            shares.any(0), -surest, decoded.logits[rows].clamp_max(-_LEAST_LOGIT)
        )
        logits[rows] = torch.where(shares, surest, others)
        most = decoded.presence[rows].amax()
        has_cells = shares.flatten(1).any(1)
        presence[rows] = torch.where(has_cells, most, torch.zeros_like(most))
    return replace(decoded, logits=logits, presence=presence)


def proposed_logits(decoded: Decoded, row: int, k: int) -> Float[Tensor, "h4 w4"]:
    """The logits of an object's k-th proposal; of its only mask where the model proposed no
    others.
    """
    alternatives = decoded.alternatives
    return decoded.logits[row] if alternatives is None else alternatives.logits[row, k]
