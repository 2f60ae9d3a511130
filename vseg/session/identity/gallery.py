"""How an object has appeared: a few embeddings of it, no two of which are alike."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

CAPACITY = 8
"""Views kept of an object.  A round value; not tuned."""

# A view with at least this cosine to a known one adds nothing.  A round value; not tuned.
_DUPLICATE = 0.9


@dataclass(slots=True)
class Gallery:
    """Views of one object, at most `CAPACITY`; those of prompted frames are kept longest.

    They are on the processor: few numbers, from which is decided what a GPU does next.
    An embedding that is added need not be of unit length (SAM 2's pointers are not); the views
    are.
    """

    prompted: list[Float[Tensor, " E"]] = field(default_factory=list)
    tracked: list[Float[Tensor, " E"]] = field(default_factory=list)

    @property
    def views(self) -> list[Float[Tensor, " E"]]:
        """All of them."""
        return [*self.prompted, *self.tracked]

    def similarity(self, embedding: Float[Tensor, " E"]) -> float:
        """The cosine to the most similar view, in [-1, 1]; 1 while no view is known."""
        return _largest_cosine(self.views, embedding)

    def prompted_similarity(self, embedding: Float[Tensor, " E"]) -> float:
        """The same to what the user prompted alone: tracked views may show something else."""
        return _largest_cosine(self.prompted, embedding)

    def add(self, embedding: Float[Tensor, " E"], *, prompted: bool) -> None:
        """Keep the view if it is prompted or new; beyond the capacity the oldest goes."""
        if not prompted and self.views and self.similarity(embedding) >= _DUPLICATE:
            return
        (self.prompted if prompted else self.tracked).append(_unit(embedding))
        while len(self.views) > CAPACITY:
            del (self.tracked or self.prompted)[0]


def largest_cosines(
    views: Sequence[Sequence[Float[Tensor, " E"]]],
) -> Float[np.ndarray, "O O"]:
    """The cosine of the most similar views of every two objects; -1 of one without any."""
    counts = np.array([len(of_one) for of_one in views])
    known = np.flatnonzero(counts)
    cosines = np.full((len(views),) * 2, -1.0)
    if len(known):
        every = torch.stack([view for of_one in views for view in of_one])
        pairs = (every @ every.T).numpy()
        starts = np.cumsum(counts[known]) - counts[known]
        by_row = np.maximum.reduceat(pairs, starts, axis=0)
        cosines[np.ix_(known, known)] = np.maximum.reduceat(by_row, starts, axis=1)
    return cosines


def _largest_cosine(
    views: Sequence[Float[Tensor, " E"]], embedding: Float[Tensor, " E"]
) -> float:
    if not views:
        return 1.0
    return float((torch.stack(list(views)) @ _unit(embedding)).max())


def _unit(embedding: Float[Tensor, " E"]) -> Float[Tensor, " E"]:
    return F.normalize(embedding.float().cpu(), dim=0)
