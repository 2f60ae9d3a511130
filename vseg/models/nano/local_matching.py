"""Local matching: where each cell of this frame was on the frame before, within a window
around it.

Enters: unit-length keys of two frames and masks of the earlier one.  Leaves: the masks, moved
to the later frame.  A global affinity of coarse cells cannot follow what is smaller than a
cell or tell neighbours apart; a window of finer cells can (FEELVOS, Voigtlaender et al. 2019;
AOT, Yang et al. 2021), and is small.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from vseg.models.nano.blocks import doubled
from vseg.ops.competitors import strongest_competitor

RADIUS = 4
"""Cells of stride 8: a motion of 32 model pixels between frames can be followed; not tuned."""
SPAN = 2 * RADIUS + 1
STRIP = 8
"""Cells of a row whose windows are matched in one product, of which a cell needs 9 x 9 of 9 x
16 columns.  On one core, with a product for each row of the frame, from 6.0 to 3.5 ms at 480p;
strips of 4 and 6 are as fast, those of 16 take 5.3.
"""
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
        h, w = key.shape[2:]
        near = _surroundings(before)
        b, rows, cells, _ = near.shape
        queries = _strips(F.pad(self.temperature * key, (0, 0, 0, 2 * RADIUS)), STRIP)
        queries = queries[:, :rows].flatten(0, 1)
        # Keys have unit length: with the largest score that there can be subtracted, exp needs
        # no maximum, and does not underflow either.
        bias = self._by_strip(self.bias - self.bias.amax()) - self.temperature
        scores = torch.baddbmm(bias, queries, near.flatten(0, 1).transpose(1, 2))
        # Not -inf outside the windows, whose exp takes twice as long as that of most numbers.
        inside = self._by_strip(torch.ones_like(self.bias))
        weights = scores.exp_().view(b, rows, STRIP, cells) * inside
        # Beside the masks goes a map of ones outside the frame too: the sum of the weights.
        moving = masks[None]
        if owner is not None:
            weights = weights[owner]
            moving = masks[:, None]
        summed = weights @ _surroundings(moving, ones=True)
        strips = F.pad(summed, (0, 0, 0, 0, 0, 2 * RADIUS))
        maps = strips.view(len(strips), -1, h + 2 * RADIUS, STRIP, strips.shape[-1])
        maps = maps[:, :, :h].permute(0, 4, 2, 1, 3).flatten(3)[..., :w]
        return torch.as_tensor(maps[:, :-1] / maps[:, -1:]).flatten(0, 1)

    def warp_prior(
        self,
        key: Float[Tensor, "B K h w"],
        before: Float[Tensor, "B K h w"],
        masks: Float[Tensor, "N 1 h4 w4"],
        competitors: Bool[Tensor, "N N"],
        owner: Tensor | None = None,
    ) -> Float[Tensor, "N 3 h4 w4"]:
        """The decoder's prior from the masks (in [-1, 1], 0 unknown) of frame `before`: as
        they were, as they moved, and where their competitors moved.

        competitors: which rows are objects of one frame that share no pixel.
        """
        moved = self(key, before, F.avg_pool2d(masks, 2)[:, 0], owner)
        others = strongest_competitor(moved.clamp_min(0), competitors)
        return torch.cat([masks, doubled(torch.stack([moved, others], dim=1))], dim=1)

    @staticmethod
    def _by_strip(window: Float[Tensor, "D D"]) -> Float[Tensor, "T DE"]:
        """What holds in a cell's window, for a strip's cells and all cells around the strip; 0
        for those outside the window.
        """
        shifted = [F.pad(window, (x, STRIP - 1 - x)) for x in range(STRIP)]
        return torch.stack(shifted).flatten(1)


def _surroundings(
    maps: Float[Tensor, "B C h w"], ones: bool = False
) -> Float[Tensor, "B R DE C+{int(ones)}"]:
    """For every row of every strip, the cells of all windows around it, side by side: views of
    one copy of the maps, where B is 1.

    Strips lie one below the other, and rows that reach from one into the next are computed in
    vain: a seventh.  ones: with one more map, that is 1 everywhere.
    """
    padded = F.pad(maps, (RADIUS,) * 4)
    if ones:
        padded = torch.cat([padded, torch.ones_like(padded[:, :1])], dim=1)
    strips = _strips(padded, STRIP + 2 * RADIUS)
    return strips.unfold(1, SPAN, 1).permute(0, 1, 4, 2, 3).flatten(2, 3)


def _strips(maps: Float[Tensor, "B C H W"], width: int) -> Float[Tensor, "B SH width C"]:
    """Strips of so many columns, one begun every `STRIP`, one below the other, channels last;
    zeros fill the last one.
    """
    missing = -(maps.shape[3] - width) % STRIP
    strips = F.pad(maps, (0, missing)).unfold(3, width, STRIP)
    return strips.permute(0, 3, 2, 4, 1).flatten(1, 2)
