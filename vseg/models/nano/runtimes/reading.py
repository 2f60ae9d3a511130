"""What objects read of the memory, once it is known how much each remembered cell weighs."""

import torch
from jaxtyping import Float
from torch import Tensor

from vseg.tensors import MemoryPart


def read_by(
    affinity: Float[Tensor, "M Q"], part: MemoryPart
) -> tuple[Float[Tensor, "N V Q"], Float[Tensor, " Q"]]:
    """The values of a part's objects, summed over its cells by these weights, and the sum of
    the weights.

    What is an object's own is read of its cells alone: rows of the weights.
    """
    n, v, m = part.values.shape
    # The sum is one more row of the product: of bfloat16, torch would make float32 first.
    rows = torch.cat([part.values.flatten(0, 1), part.values.new_ones((1, m))]) @ affinity
    shared = rows[:-1].view(n, v, -1)
    if part.own:
        read = [
            torch.addmm(shared[0], own.differences, affinity.index_select(0, own.cells))
            for own in part.own
        ]
        shared = torch.stack(read)
    return shared, rows[-1]
