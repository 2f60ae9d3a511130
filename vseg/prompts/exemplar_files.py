"""References read from files: an image, and a box or a mask that says what in it is meant.

Enters: paths and numbers.  Leaves: Reference, checked.  Images are turned as their EXIF data
says; the size is checked before anything is decoded.
"""

import warnings
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from vseg.errors import BadPrompt
from vseg.ops.boxes import pixels_in
from vseg.prompts.check import check_prompt
from vseg.types import Box, Exemplar, Mask

MOST_PIXELS = 2**26
"""64 megapixels: more than a camera's image, and 192 MiB once decoded."""


def boxed_exemplar(exemplar_image: Path, box: Box, threshold: float | None = None) -> Exemplar:
    """What is in a box of an image; the box is in the displayed image's pixels.

    Raises BadPrompt for an unreadable or too large image, and for a box that lies outside it.
    """
    image = _colours(exemplar_image)
    _check(box, exemplar_image, image.shape[:2])
    region = np.zeros(image.shape[:2], dtype=bool)
    region[pixels_in(box)] = True
    return Exemplar(image, region, exemplar_image.name, threshold)


def masked_exemplar(
    exemplar_image: Path, mask: Path, threshold: float | None = None
) -> Exemplar:
    """What a black-and-white, grey or palette image of the same size marks with values other
    than 0.

    Raises BadPrompt for images that cannot be read, are too large, or differ in size, for a
    coloured mask, and for one that marks nothing.
    """
    image = _colours(exemplar_image)
    region = np.asarray(_values(mask) != 0, dtype=bool)
    _check(Mask(region), exemplar_image, image.shape[:2])
    return Exemplar(image, region, exemplar_image.name, threshold)


def _check(prompt: Box | Mask, image: Path, hw: tuple[int, ...]) -> None:
    """Raise BadPrompt, naming the image, unless the region lies on it."""
    try:
        check_prompt(prompt, hw)
    except BadPrompt as error:
        raise BadPrompt(
            f"reference {image}: {error.message.replace('frame', 'image')}",
            hint="give it in the pixels of the reference image, as image.jpg:x1,y1,x2,y2 or "
            "image.jpg:mask.png",
        ) from error


def _colours(path: Path) -> UInt8[np.ndarray, "H W 3"]:
    """The displayed RGB image: grey repeated, alpha dropped, 16 bits cut to 8."""
    image = _opened(path)
    if image.mode.startswith("I;16"):
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode == "P":  # with alpha first: Pillow warns where a palette's is passed over
        image = image.convert("RGBA")
    return np.array(image.convert("RGB"), dtype=np.uint8)


def _values(path: Path) -> np.ndarray:
    """The one value of each pixel.  Raises BadPrompt for a colour image."""
    image = _opened(path)
    if image.mode not in ("1", "L", "P", "I") and not image.mode.startswith("I;16"):
        raise BadPrompt(
            f"the mask {path} of a reference is a colour image (mode {image.mode})",
            hint="save it as a palette or grey PNG with 0 for background",
        )
    return np.asarray(image)


def _opened(path: Path) -> Image.Image:
    """The image turned as displayed.  Raises BadPrompt where it cannot be read or is too
    large.
    """
    try:
        with warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning):
            stored = Image.open(path)
        with stored:
            width, height = stored.size
            if width * height > MOST_PIXELS:
                raise BadPrompt(
                    f"reference {path} is {width}x{height}, more than {MOST_PIXELS >> 20} "
                    "megapixels",
                    hint="reduce the image, or cut out the part that shows the object",
                )
            return ImageOps.exif_transpose(stored)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadPrompt(
            f"cannot read the reference {path}: {error}", hint="give a JPEG or PNG image"
        ) from error
