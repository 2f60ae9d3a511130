"""What an object has looked like: a few embeddings of it, as different from each other as they
come.
"""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

CAPACITY = 8
_NEW = 0.9
"""A view that is at least this like one that is known (cosine) adds nothing."""


@dataclass(slots=True)
class Gallery:
    """Views of one object, at most `CAPACITY`; those the user prompted are kept longest.

    What comes in need not be of unit length (SAM 2's pointers are not); what is kept is.
    """

    prompted: list[Float[Tensor, " E"]] = field(default_factory=list)
    seen: list[Float[Tensor, " E"]] = field(default_factory=list)

    @property
    def views(self) -> list[Float[Tensor, " E"]]:
        """All of them."""
        return [*self.prompted, *self.seen]

    def similarity(self, embedding: Float[Tensor, " E"]) -> float:
        """The cosine to the most similar view, in [-1, 1]; 1 while no view is known."""
        if not self.views:
            return 1.0
        return float((torch.stack(self.views) @ _unit(embedding)).max())

    def add(self, embedding: Float[Tensor, " E"], *, prompted: bool) -> None:
        """Keep the view if it is new; what does not fit any more goes, the oldest first."""
        if (
            not prompted
            and self.similarity(embedding) >= _NEW
            and (self.seen or self.prompted)
        ):
            return
        (self.prompted if prompted else self.seen).append(_unit(embedding))
        while len(self.prompted) + len(self.seen) > CAPACITY:
            del (self.seen or self.prompted)[0]


def _unit(embedding: Float[Tensor, " E"]) -> Float[Tensor, " E"]:
    return F.normalize(embedding.float(), dim=0)
