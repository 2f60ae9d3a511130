"""Axial rotary positions in real numbers (RoFormer, arXiv:2104.09864; two axes as in SAM 2).

Enters: rows of queries or keys of a grid of cells, row by row.  Leaves: the same, rotated.
Channel pairs of a checkpoint lie side by side; here all first members come before all second
ones (`unpair` reorders the weights that make them), so that a rotation is two products of
contiguous halves.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Rotation:
    """Cosines and sines of every position; half as many channels as what is rotated."""

    cos: Float[Tensor, "N K"]
    sin: Float[Tensor, "N K"]

    def __call__(self, rows: Float[Tensor, "*b N D"]) -> Float[Tensor, "*b N D"]:
        """The rows, rotated in float32 and returned in their own dtype."""
        first, second = rows.float().chunk(2, dim=-1)
        turned = (first * self.cos).addcmul_(second, self.sin, value=-1)
        other = (second * self.cos).addcmul_(first, self.sin)
        return torch.cat([turned, other], dim=-1).to(rows.dtype)


def axial_rotation(
    wh: tuple[int, int], channels: int, theta: float, *, plain: int = 0
) -> Rotation:
    """The rotation of a grid of (columns, rows) cells; `plain` tokens before them stay as they
    are.

    The first half of the pairs turns with the column, the second with the row.
    """
    columns, rows = wh
    quarter = channels // 4
    speed = theta ** -(torch.arange(quarter, dtype=torch.float32) / quarter)
    cell = torch.arange(columns * rows)
    angle = torch.cat(
        [(cell % columns)[:, None] * speed, (cell // columns)[:, None] * speed], 1
    )
    angle = torch.cat([torch.zeros(plain, 2 * quarter), angle])
    return Rotation(angle.cos(), angle.sin())


def unpair(weight: Float[Tensor, "D ..."]) -> Float[Tensor, "D ..."]:
    """Weights whose outputs were side-by-side pairs, reordered to give two halves."""
    return torch.cat([weight[0::2], weight[1::2]])
