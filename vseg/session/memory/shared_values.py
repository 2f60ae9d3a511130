"""What objects remember alike, kept once: far from an object, values of the background.

Enters: values of several objects in the same remembered cells.  Leaves: values that they
share, and for each object the cells where its own are others.  Reading is a sum over cells, so
the two are read apart: with ten objects, a fourth of the products.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vseg.tensors import OwnValues

_STEP = 32
"""Cells of an object are a multiple of this: oneDNN compiles a kernel for every number."""


def shared_values(
    values: Float[Tensor, "N V M"],
) -> tuple[Float[Tensor, "1 V M"], tuple[OwnValues, ...]]:
    """What the objects share, and what each has of its own; exact whatever the values are.

    Every shared value is that of one of the objects, so that never more is read than of all.
    Most objects have the value of the background in a cell, and so has the one whose sum is
    the median.
    """
    middle = values.float().sum(dim=1).T.median(dim=1).indices
    shared = values.gather(0, middle.expand(1, *values.shape[1:]))
    return shared, tuple(_own(mine, shared[0]) for mine in values)


def _own(mine: Float[Tensor, "V M"], shared: Float[Tensor, "V M"]) -> OwnValues:
    differences = mine - shared
    cells = differences.abs().amax(dim=0).nonzero()[:, 0]
    missing = (0, -len(cells) % _STEP)
    return OwnValues(F.pad(cells, missing), F.pad(differences.index_select(1, cells), missing))
