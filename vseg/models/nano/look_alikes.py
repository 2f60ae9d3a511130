"""Channels that keep a cell from reading what is remembered of an object's look-alikes.

Enters: where objects are expected on this frame, and the masks of the remembered ones.
Leaves: channels to put beside those of the affinity's queries and keys; their products are
subtracted from its exponents.  The affinity compares appearance alone: a cell of one of
sixteen equal objects matches the memory of all, fifteen of them say that it is not the object,
and all masks fade.  Where one is expected, its look-alikes say nothing.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vseg.tensors import LookAlikes, MemoryPart

# What is subtracted where both are certain. J from masks of sixteen cells that jostle (14
# frames, short side 320) is 63.4 without, 84.6 with 4 and 87.1 with 8; of equal people and
# cars of the training clips, pasted to cross one another, 51.5, 46.9 and 52.1; of unlike ones
# that carry things 63.0, 62.2 and 61.7 (60.7 if all objects counted as look-alikes).
_STRENGTH = 8.0


def expected_channels(look_alikes: LookAlikes) -> Float[Tensor, "O C"]:
    """For every cell, how certainly each object is expected in it."""
    # The second map of a prior is the mask as local matching moved it, in [-1, 1].
    moved = F.avg_pool2d(look_alikes.expected[:, 1:2], 4)
    return moved.clamp_min(0).flatten(1)


def claimed_channels(look_alikes: LookAlikes, part: MemoryPart) -> Float[Tensor, "O M"]:
    """For every remembered cell, how much of it the look-alikes of each object cover, times
    what that subtracts.
    """
    assert part.shares is not None
    similar = look_alikes.similar[:, list(part.rows)].to(part.shares.dtype)
    return -_STRENGTH * (similar @ part.shares)
