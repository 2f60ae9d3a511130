"""Local matching: where each cell of this frame was on the frame before, within a window
around it.

Enters: unit-length keys of two frames and masks of the earlier one.  Leaves: the masks, moved
to the later frame.  A global affinity of coarse cells cannot follow what is smaller than a
cell or tell neighbours apart; a window of finer cells can (FEELVOS, Voigtlaender et al. 2019;
AOT, Yang et al. 2021), and is small.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

RADIUS = 4
"""Cells of stride 8: a motion of 32 model pixels between frames can be followed; not tuned."""
SPAN = 2 * RADIUS + 1
_MAX_TEMPERATURE = 40.0
"""The same bound as that of the affinity of coarse cells."""


class LocalMatching(nn.Module):
    """A learned temperature and a learned preference for displacements; starts by preferring
    none.
    """

    def __init__(self) -> None:
        super().__init__()
        steps = torch.arange(-RADIUS, RADIUS + 1.0)
        self.bias = nn.Parameter(-(steps[:, None] ** 2 + steps[None] ** 2) / 16)
        self.log_temperature = nn.Parameter(torch.tensor(2.7))

    @property
    def temperature(self) -> Float[Tensor, ""]:
        """The factor on products of keys before the softmax."""
        return self.log_temperature.exp().clamp_max(_MAX_TEMPERATURE)

    def forward(
        self,
        key: Float[Tensor, "B K h w"],
        before: Float[Tensor, "B K h w"],
        masks: Float[Tensor, "N h w"],
        owner: Tensor | None = None,
    ) -> Float[Tensor, "N h w"]:
        """The masks moved to this frame.  masks: of frame `before`, any values; what comes
        from outside the frame counts as 0.

        owner: which of the B frame pairs a mask belongs to; None if there is one pair.
        """
        scores = window_products(self.temperature * key, before) + self.bias
        weights = scores.flatten(3).softmax(dim=3)
        if owner is not None:
            weights = weights[owner]
        around = F.pad(masks, (RADIUS,) * 4).unfold(1, SPAN, 1).unfold(2, SPAN, 1)
        return (weights.view(*weights.shape[:3], SPAN, SPAN) * around).sum(dim=(3, 4))


def window_products(
    key: Float[Tensor, "B K h w"], before: Float[Tensor, "B K h w"]
) -> Float[Tensor, "B h w D D"]:
    """The product of every cell of `key` with the D x D cells of `before` in the window around
    it.

    One matrix product per row of cells with the D rows around it; of its columns, cell x needs
    x to x + D - 1: the first D diagonals.
    """
    b, k, h, w = key.shape
    rows = F.pad(before, (RADIUS,) * 4).unfold(2, SPAN, 1)  # b, k, h, wide, span
    rows = rows.permute(0, 2, 1, 4, 3).reshape(b * h, k, -1)
    products = key.permute(0, 2, 3, 1).reshape(b * h, w, k) @ rows
    products = products.view(b * h, w, SPAN, w + 2 * RADIUS)
    band = torch.stack([products.diagonal(d, 1, 3) for d in range(SPAN)], dim=-1)
    return band.view(b, h, SPAN, w, SPAN).permute(0, 1, 3, 2, 4)
