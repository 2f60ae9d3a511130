"""Local matching: where each cell of this frame was on the frame before, within a window around it.

Enters: unit-length keys of two frames and masks of the earlier one.  Leaves: the masks, moved to the later
frame.  A global affinity of coarse cells cannot follow what is smaller than a cell or tell neighbours
apart; a window of finer cells can (FEELVOS, Voigtlaender et al. 2019; AOT, Yang et al. 2021), and is small.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

RADIUS = 4
_SPAN = 2 * RADIUS + 1
_MAX_TEMPERATURE = 40.0


class LocalMatching(nn.Module):
    """A learned temperature and a learned preference for displacements; starts by preferring none."""

    def __init__(self) -> None:
        super().__init__()
        steps = torch.arange(-RADIUS, RADIUS + 1.0)
        self.bias = nn.Parameter(-(steps[:, None] ** 2 + steps[None] ** 2) / 16)
        self.log_temperature = nn.Parameter(torch.tensor(2.7))

    def forward(
        self,
        key: Float[Tensor, "B K h w"],
        before: Float[Tensor, "B K h w"],
        masks: Float[Tensor, "N h w"],
        owner: Tensor | None = None,
    ) -> Float[Tensor, "N h w"]:
        """masks: of frame `before`, any values; what comes from outside the frame counts as 0.

        owner: which of the B frame pairs each of the N masks belongs to; None if there is one pair.
        """
        temperature = self.log_temperature.exp().clamp_max(_MAX_TEMPERATURE)
        scores = window_scores(key, before) * temperature + self.bias.flatten()[:, None, None]
        weights = scores.softmax(dim=1)
        if owner is not None:
            weights = weights[owner]
        n, h, w = masks.shape
        near = F.unfold(masks[:, None], _SPAN, padding=RADIUS).view(n, _SPAN**2, h, w)
        return (weights * near).sum(1)


def window_scores(
    key: Float[Tensor, "B K h w"], before: Float[Tensor, "B K h w"]
) -> Float[Tensor, "B D h w"]:
    """The product of every cell of `key` with the D cells of `before` in the window around it.

    Row by row as matrix products; the band of near columns is then cut out of each product by a change of
    row length, which moves element x + d of row x into column d (Huang et al. 2018, the skewing trick).
    """
    b, k, h, w = key.shape
    wide = w + 2 * RADIUS
    padded = F.pad(before, (RADIUS,) * 4)
    rows = torch.stack([padded[:, :, d : d + h] for d in range(_SPAN)], dim=1)
    rows = rows.permute(0, 3, 1, 2, 4)  # b, h, span, k, wide
    queries = key.permute(0, 2, 3, 1)[:, :, None].expand(b, h, _SPAN, w, k)
    products = queries.reshape(-1, w, k) @ rows.reshape(-1, k, wide)
    skewed = F.pad(products.flatten(1), (0, w)).view(b, h, _SPAN, w, wide + 1)
    return skewed[..., :_SPAN].permute(0, 2, 4, 1, 3).reshape(b, _SPAN**2, h, w)
