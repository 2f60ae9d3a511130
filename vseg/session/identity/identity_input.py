"""What enters and leaves the resolution of identities on one frame."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from vseg.tensors import Decoded

Image = UInt8[np.ndarray, "H W 3"]
"""RGB."""


@dataclass(frozen=True, slots=True)
class IdentityInput:
    """The decoded masks of O objects on a frame.

    prompted: rows that the user prompted here, which are believed; mask_given: those whose
    mask the user gave.  image: the frame, RGB.  elsewhere: those that were decoded in crops;
    on the cells of the whole frame they are too coarse to be divided.  None, if left out.
    """

    frame_index: int
    object_ids: tuple[int, ...]
    prompted: tuple[bool, ...]
    mask_given: tuple[bool, ...]
    decoded: Decoded
    image: Image
    elsewhere: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """decoded: with conflicts resolved.  reliable: rows whose masks may be remembered.  here:
    the same masks on the processor, without alternatives.
    """

    decoded: Decoded
    reliable: tuple[bool, ...]
    here: Decoded
