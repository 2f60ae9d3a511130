"""Images that a Python program holds in, the frames of a clip out."""

from collections.abc import Iterable
from fractions import Fraction
from math import inf
from numbers import Real

import numpy as np
from jaxtyping import UInt8

from vseg.errors import BadFrame, BadVideo, UsageError
from vseg.interfaces.indexed_reader import IndexedReader
from vseg.ops.frame_range import check_index
from vseg.ops.frame_rate import written_rate
from vseg.ops.rgb import checked_rgb
from vseg.types import UNKNOWN_FPS, Frame, VideoInfo


class ImageList(IndexedReader):
    """RGB uint8 images (H, W, 3) of one size: a list of them, or an array (T, H, W, 3).

    They are not copied.  fps: their rate, from which times are counted.  Raises BadVideo where
    there are none, BadFrame for one that is no such image or of another size.
    """

    def __init__(
        self, images: Iterable[np.ndarray], fps: Fraction | int | float = UNKNOWN_FPS
    ) -> None:
        if not isinstance(images, Iterable):
            raise BadVideo(
                f"{images!r} is neither a path nor images",
                hint="give a file, a folder, or a list of RGB images; the frames of a camera "
                "go to Session.step, or `vseg watch 0` tracks them",
            )
        if not isinstance(fps, Real) or not 0 < fps < inf:
            raise UsageError(
                f"a rate of {fps!r} frames a second", hint="use a positive number"
            )
        self._fps = written_rate(fps if isinstance(fps, Fraction) else float(fps))
        self._images = [_checked(number, image) for number, image in enumerate(images)]
        if not self._images:
            raise BadVideo("there are no images", hint="give at least one")
        for number, image in enumerate(self._images):
            _check_size(number, image, self._images[0])
        height, width = self._images[0].shape[:2]
        self._closed = False
        self.info = VideoInfo(
            source="images",
            height=height,
            width=width,
            fps=self._fps,
            num_frames=len(self._images),
            codec="images",
        )

    def __len__(self) -> int:
        return len(self._images)

    def read(self, index: int) -> Frame:
        """The image at `index`.  Raises UnknownFrame past the end."""
        check_index(index, len(self))
        if self._closed:
            raise UsageError("the images were closed", hint="open them again")
        image = np.ascontiguousarray(self._images[index])
        return Frame(index, None, self.time_at(index), image)

    def time_at(self, index: int) -> float:
        """When a frame starts, in seconds."""
        check_index(index, len(self))
        return float(index / self._fps)

    def close(self) -> None:
        """Refuse further reads."""
        self._closed = True


def _checked(number: int, image: np.ndarray) -> UInt8[np.ndarray, "H W 3"]:
    try:
        return checked_rgb(image)
    except BadFrame as error:
        raise BadFrame(f"image {number}: {error.message}", hint=error.hint) from error


def _check_size(number: int, image: np.ndarray, first: np.ndarray) -> None:
    if image.shape != first.shape:
        raise BadFrame(
            f"image {number} is {image.shape[1]}x{image.shape[0]}, and the first one "
            f"{first.shape[1]}x{first.shape[0]}",
            hint="scale all images to one size",
        )
