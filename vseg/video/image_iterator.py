"""Images that a Python program makes or receives, as a capture."""

from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from vseg.ops.rgb import checked_rgb
from vseg.video.capture import Grabbed, grabbed_image


class ImageIterator:
    """A `Capture` of the RGB uint8 images (H, W, 3) of an iterable, which may block between
    them.
    """

    codec = "images"
    finite = True
    broken = ""

    def __init__(self, images: Iterable[np.ndarray], fps: Fraction | None = None) -> None:
        self.fps = fps
        self._images = iter(images)

    def grab(self) -> Grabbed | None:
        """The next image, None when there are no more.  Raises BadFrame."""
        image = next(self._images, None)
        if image is None:
            return None
        return grabbed_image(checked_rgb(image))

    def interrupt(self) -> None:
        """Nothing: whether the iterable can be interrupted is its own affair."""

    def close(self) -> None:
        """Nothing is held."""
