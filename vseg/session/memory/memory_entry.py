"""What is written to the memory of masks decoded on one frame.

Enters: the frame's features, and the values and masks of some objects.  Leaves: the entry,
with the shares of cells by which look-alikes are kept apart (`vseg.tensors.LookAlikes`).
"""

from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vseg.tensors import Features, MemoryEntry


def memory_entry(
    features: Features,
    object_ids: Sequence[int],
    values: Float[Tensor, "O V h w"],
    logits: Float[Tensor, "O h4 w4"],
) -> MemoryEntry:
    """The objects' values, and how much of every cell each of their masks covers."""
    masks = (logits > 0).to(values.dtype)
    shares = F.interpolate(masks[None], size=values.shape[2:], mode="area")[0]
    return MemoryEntry(
        features.frame_index,
        features.key,
        dict(zip(object_ids, values, strict=True)),
        dict(zip(object_ids, shares, strict=True)),
    )
