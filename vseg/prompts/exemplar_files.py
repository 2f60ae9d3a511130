"""Exemplars read from files: an image, and a box or a mask of the object in it.

Enters: paths and numbers.  Leaves: Exemplar, checked.  Images are rotated by their EXIF
orientation; the size is checked before anything is decoded.
"""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from vseg.errors import BadImage, BadPrompt
from vseg.io.image_files import open_image
from vseg.ops.boxes import pixels_in
from vseg.prompts.check import check_prompt
from vseg.prompts.mask_files import read_region_file
from vseg.types import Box, Exemplar, Mask


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
    """What a mask file of the same size marks, read as the mask of a prompt is.

    Raises BadPrompt for images that cannot be read, are too large, or differ in size, and for
    a mask of no object or of several.
    """
    image = _colours(exemplar_image)
    region = read_region_file(mask)
    _check(Mask(region), exemplar_image, image.shape[:2])
    return Exemplar(image, region, exemplar_image.name, threshold)


def _check(prompt: Box | Mask, image: Path, hw: tuple[int, ...]) -> None:
    """Raise BadPrompt, naming the image, unless the region lies on it."""
    try:
        check_prompt(prompt, hw)
    except BadPrompt as error:
        raise BadPrompt(
            f"exemplar {image}: {error.message.replace('frame', 'image')}",
            hint="give it in the pixels of the exemplar's image, as image.jpg:x1,y1,x2,y2 or "
            "image.jpg:mask.png",
        ) from error


def _colours(path: Path) -> UInt8[np.ndarray, "H W 3"]:
    """The displayed RGB image: grey repeated, alpha dropped, 16 bits cut to 8."""
    try:
        image = open_image(path)
    except BadImage as error:
        raise BadPrompt(f"exemplar {path} {error.message}", hint=error.hint) from error
    if image.mode.startswith("I;16"):
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode == "P":  # with alpha first: Pillow warns where a palette's is passed over
        image = image.convert("RGBA")
    return np.array(image.convert("RGB"), dtype=np.uint8)
