"""Old memories merged before they are attended to: opt-in, and not what the published
model computes.

Enters: the slots an object may read.  Leaves: the same, the older ones with fewer tokens,
which say how many they stand for.  What is stored stays whole.  Prompted frames, anchors
and the newest slot are never touched, nor tokens that lie on no cell (EdgeTAM's global ones).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vseg.interfaces.slot_model import MergedToken, Slot, SlotShape

# Side of the blocks of background that one token stands for.  A round value; not tuned.
_BLOCK = 4

# Cells around the object that stay whole.  A round value; not tuned.
_MARGIN = 2


@dataclass(frozen=True, slots=True)
class Approximation(ABC):
    """Merges the tokens of a model's old slots.  shape: of its whole ones."""

    shape: SlotShape

    def neighbourhood(self, logits: Float[Tensor, "h4 w4"]) -> Bool[Tensor, "r c"]:
        """Cells of a slot's grid that a mask touches, and those at most two cells beside
        them.
        """
        # The largest logit of a cell decides, so that a thin object is not lost between cells.
        touched = F.adaptive_max_pool2d((logits > 0).float()[None, None], self.shape.grid)
        return F.max_pool2d(touched, 2 * _MARGIN + 1, stride=1, padding=_MARGIN)[0, 0] > 0

    def merged(self, slot: Slot, mask_cells: Bool[Tensor, "r c"]) -> Slot:
        """The slot with fewer tokens.  mask_cells: the neighbourhood of its mask."""
        places, weights = self.merged_tokens(mask_cells)
        cells = slot.cells[places].mean(dim=1)
        keys = slot.keys[:, places].mean(dim=2)
        return Slot(
            cells, keys, slot.pointer, MergedToken(places, weights.log().to(cells.dtype))
        )

    @abstractmethod
    def merged_tokens(
        self, mask_cells: Bool[Tensor, "r c"]
    ) -> tuple[Int[Tensor, "N G"], Float[Tensor, " N"]]:
        """The tokens that one of N is the mean of, and how many it stands for.

        Together they stand for all tokens.
        """

    @property
    def off_frame(self) -> int:
        """Number of tokens that lie on no cell; they come first."""
        return self.shape.tokens - self.shape.grid[0] * self.shape.grid[1]


@dataclass(frozen=True, slots=True)
class Pooled(Approximation):
    """Every 2 x 2 cells become one, the mean of their cells and of their keys.

    A mean stands for four tokens: log 4 is added to its scores (EfficientTAM,
    arXiv:2411.18933).
    """

    def merged_tokens(
        self, mask_cells: Bool[Tensor, "r c"]
    ) -> tuple[Int[Tensor, "N 4"], Float[Tensor, " N"]]:
        """A quarter of the tokens that lie on the frame, wherever the object is."""
        rows, columns = self.shape.grid
        index = torch.arange(self.shape.tokens, device=mask_cells.device)
        # Row by row: the four cells of a block stand in one row of `places`.
        fours = index[self.off_frame :].view(rows // 2, 2, columns // 2, 2).transpose(1, 2)
        places = torch.cat([index[: self.off_frame, None].expand(-1, 4), fours.reshape(-1, 4)])
        return places, 1.0 + 3.0 * (places[:, 0] >= self.off_frame)


@dataclass(frozen=True, slots=True)
class Pruned(Approximation):
    """The object and the cells beside it stay; of the rest, one cell of every block of 4 x 4.

    That one stands for all such cells of its block: the log of their number is added to its
    scores.
    """

    def merged_tokens(
        self, mask_cells: Bool[Tensor, "r c"]
    ) -> tuple[Int[Tensor, "N 1"], Float[Tensor, " N"]]:
        """The cells of `mask_cells`, and of every block the first of the others."""
        rows, columns = self.shape.grid
        side = _BLOCK
        blocks = (~mask_cells).view(rows // side, side, columns // side, side).transpose(1, 2)
        outside = blocks.reshape(-1, side * side)
        # In a block of object cells alone the count is 0, and nothing is added.
        first = F.one_hot(outside.byte().argmax(dim=1), side * side)
        counts = (first * outside.sum(dim=1, keepdim=True)).view_as(blocks).transpose(1, 2)
        weights = mask_cells.flatten() + counts.flatten()
        weights = torch.cat([weights.new_ones(self.off_frame), weights])
        # A token of weight 0 stands for nothing, and is left out.
        places = weights.nonzero()
        return places, weights[places[:, 0]].float()
