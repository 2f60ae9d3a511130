"""What enters and leaves the resolution of identities on one frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import UInt8

from vseg.session.identity.layers import GREY_SCALE, Grey
from vseg.tensors import Decoded

Image = UInt8[np.ndarray, "H W 3"]
"""RGB."""


@dataclass(frozen=True)
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

    @cached_property
    def whole_rows(self) -> dict[int, int]:
        """The rows, by object, of those that were decoded on the whole frame."""
        elsewhere = self.elsewhere or (False,) * len(self.object_ids)
        return {i: row for row, i in enumerate(self.object_ids) if not elsewhere[row]}

    @cached_property
    def grey(self) -> Grey:
        """The frame in grey, GREY_SCALE pixels along a cell of the masks."""
        return grey_image(self.image, self.decoded.logits.shape[1:])


@dataclass(frozen=True, slots=True)
class Resolved:
    """decoded: with conflicts resolved.  reliable: rows whose masks may be remembered.  here:
    the same masks on the processor, without alternatives.
    """

    decoded: Decoded
    reliable: tuple[bool, ...]
    here: Decoded


def grey_image(image: Image, map_hw: Sequence[int]) -> Grey:
    """A frame in grey, GREY_SCALE pixels along a cell of masks of this size."""
    height, width = map_hw
    size = (GREY_SCALE * width, GREY_SCALE * height)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)  # before it is made smaller: half the time
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (3, 3), 0), dtype=np.uint8)
