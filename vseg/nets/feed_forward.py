"""The feed-forward part of a transformer's layer, by pieces of rows where that is faster.

Enters: rows.  Leaves: the same rows after two linear maps with an activation between.  On a CPU what lies
between, four or eight times as wide, stays in the cache instead of passing through memory twice.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

_PIECE = 512
"""Rows at once: 512 x 2048 in bf16 is 2 MiB."""

Linear = Callable[[Tensor], Tensor]


def feed_forward(
    rows: Float[Tensor, "*b N D"], up: Linear, act: Linear, down: Linear
) -> Float[Tensor, "*b N E"]:
    """down(act(up(rows)))."""
    if rows.is_cuda or torch.compiler.is_compiling():
        return down(act(up(rows)))
    pieces = torch.split(rows.reshape(-1, rows.shape[-1]), _PIECE)
    return torch.cat([down(act(up(piece))) for piece in pieces]).view(*rows.shape[:-1], -1)
