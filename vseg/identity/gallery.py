"""What an object has looked like: a few embeddings of it, as different from each other as they come."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

CAPACITY = 8
_NEW = 0.9
"""A view that is at least this like one that is known (cosine) adds nothing."""


@dataclass(slots=True)
class Gallery:
    """Views of one object, unit vectors, at most `CAPACITY`; those the user prompted are kept longest."""

    prompted: list[Float[Tensor, " E"]] = field(default_factory=list)
    seen: list[Float[Tensor, " E"]] = field(default_factory=list)

    def likeness(self, embedding: Float[Tensor, " E"]) -> float:
        """The cosine to the most similar view, in [-1, 1]; 1 while no view is known."""
        views = [*self.prompted, *self.seen]
        if not views:
            return 1.0
        return float((torch.stack(views) @ embedding).max())

    def add(self, embedding: Float[Tensor, " E"], *, prompted: bool) -> None:
        """Keep the view if it is new; what does not fit any more goes, the oldest first."""
        if not prompted and self.likeness(embedding) >= _NEW and (self.seen or self.prompted):
            return
        (self.prompted if prompted else self.seen).append(embedding)
        while len(self.prompted) + len(self.seen) > CAPACITY:
            del (self.seen or self.prompted)[0]
