"""One frame with its masks drawn over it, as a notebook displays it.

Enters: a frame and its masks.  Leaves: an image, and the same as PNG.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from vseg.frame_masks import FrameMasks
from vseg.results.overlay import Colour, draw_overlay
from vseg.types import Frame


@dataclass(frozen=True, slots=True, repr=False)
class ShownFrame:
    """A frame, its masks, and the RGB image with the masks drawn over it."""

    frame: Frame
    masks: FrameMasks
    image: UInt8[np.ndarray, "H W 3"]

    @staticmethod
    def of(
        frame: Frame,
        masks: FrameMasks,
        labels: Mapping[int, str],
        colours: Mapping[int, Colour],
    ) -> "ShownFrame":
        """labels, colours: of the objects by id.  Raises BadRun if frame and masks are not of
        one size.
        """
        image = draw_overlay(frame.image, masks, labels, colours=colours)
        return ShownFrame(frame, masks, image)

    def _repr_png_(self) -> bytes:
        png = BytesIO()
        Image.fromarray(self.image).save(png, format="PNG")
        return png.getvalue()

    def __repr__(self) -> str:
        return f"ShownFrame({self.frame!r}, {self.masks!r})"
