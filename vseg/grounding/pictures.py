"""References read from files: a picture, and a box or a mask that says what in it is meant.

Enters: paths and numbers.  Leaves: Reference, checked.  Pictures are turned as their EXIF data says; the
size is checked before anything is decoded.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vseg.errors import BadPrompt
from vseg.ops.prompts import check_prompt
from vseg.types import Box, Mask, Reference

MOST_PIXELS = 2**26
"""64 megapixels: more than a camera's picture, and 192 MiB once decoded."""


def boxed_reference(picture: Path, box: Box, threshold: float | None = None) -> Reference:
    """What is in a box of a picture; the box is in the displayed picture's pixels.

    Raises BadPrompt for an unreadable or too large picture, and for a box that lies outside it.
    """
    image = np.asarray(_opened(picture, "RGB"), dtype=np.uint8)
    height, width = image.shape[:2]
    _check(box, picture, (height, width))
    region = np.zeros((height, width), dtype=bool)
    # A pixel belongs to the box whose edges enclose its centre.
    rows = slice(max(0, round(box.y1)), max(0, round(box.y2)))
    columns = slice(max(0, round(box.x1)), max(0, round(box.x2)))
    region[rows, columns] = True
    return Reference(image, region, picture.name, threshold)


def masked_reference(picture: Path, mask: Path, threshold: float | None = None) -> Reference:
    """What a black-and-white, grey or palette picture of the same size marks with values other than 0.

    Raises BadPrompt for pictures that cannot be read, are too large, or differ in size, for a coloured mask,
    and for one that marks nothing.
    """
    image = np.asarray(_opened(picture, "RGB"), dtype=np.uint8)
    region = np.asarray(np.asarray(_opened(mask, None)) != 0, dtype=bool)
    _check(Mask(region), picture, image.shape[:2])
    return Reference(image, region, picture.name, threshold)


def _check(prompt: Box | Mask, picture: Path, hw: tuple[int, ...]) -> None:
    """Raise BadPrompt, naming the picture, unless the region lies on it."""
    try:
        check_prompt(prompt, hw)
    except BadPrompt as error:
        raise BadPrompt(
            f"reference {picture}: {error.message.replace('frame', 'picture')}",
            hint="give it in the pixels of the reference picture, as image.jpg:x1,y1,x2,y2 or "
            "image.jpg:mask.png",
        ) from error


def _opened(path: Path, mode: str | None) -> Image.Image:
    """The picture as displayed, in `mode`; without one it must hold one value a pixel."""
    try:
        with Image.open(path) as stored:
            width, height = stored.size
            if width * height > MOST_PIXELS:
                raise BadPrompt(
                    f"reference {path} is {width}x{height}, more than {MOST_PIXELS >> 20} megapixels",
                    hint="reduce the picture, or cut out the part that shows the object",
                )
            if mode is None and stored.mode not in ("1", "L", "P", "I", "I;16"):
                raise BadPrompt(
                    f"the mask {path} of a reference is a colour picture (mode {stored.mode})",
                    hint="save it as a palette or grey PNG with 0 for background",
                )
            turned = ImageOps.exif_transpose(stored)
            return turned if mode is None else turned.convert(mode)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError) as error:
        raise BadPrompt(
            f"cannot read the reference {path}: {error}", hint="give a JPEG or PNG picture"
        ) from error
