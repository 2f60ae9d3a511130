"""Image files as they are displayed, and label images: one object id per pixel.

Enters: a path.  Leaves: an image, or one value per pixel.  Images are turned as their EXIF
data says; their size is checked before anything is decoded.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Integer
from PIL import Image, ImageOps, UnidentifiedImageError

from vseg.errors import BadImage

MAX_PIXELS = 8192 * 8192
"""64 megapixels: more than a camera's image or a video's frame, and 192 MiB once decoded."""

_LABEL_MODES = frozenset({"1", "L", "P", "I", "I;16", "I;16B", "I;16L", "I;16N"})

_LOSSY = frozenset({"JPEG", "MPO", "JPEG2000"})
"""Formats, as Pillow names them.  WebP may be of either kind."""
_STEREO = frozenset({"MPO"})
"""Photographs with further images behind the first, which is the one that is shown."""


@dataclass(frozen=True, slots=True)
class LabelImage:
    """values: palette indices, grey levels, or booleans.  mode: Pillow's name for it.  lossy:
    stored as JPEG, which changes values.
    """

    values: Integer[np.ndarray, "H W"] | Bool[np.ndarray, "H W"]
    mode: str
    lossy: bool = False


@dataclass(frozen=True, slots=True)
class ImageHead:
    """What is known of an image file before anything is decoded.  mode: Pillow's name for it.
    width, height: as stored.
    """

    width: int
    height: int
    mode: str


def image_head(path: Path) -> ImageHead:
    """Size and mode.  Raises BadImage where it is no image."""
    with _stored(path) as stored:
        return ImageHead(*stored.size, stored.mode)


def open_image(path: Path) -> Image.Image:
    """The image, turned as displayed.  Raises BadImage where it cannot be read or is too
    large.
    """
    with _stored(path) as stored:
        if getattr(stored, "is_animated", False) and stored.format not in _STEREO:
            raise BadImage(
                f"is animated: it holds {getattr(stored, 'n_frames', 2)} images",
                hint="save the one that is meant as a PNG",
            )
        turned = ImageOps.exif_transpose(stored)
        turned.format = stored.format
        return turned


@contextmanager
def _stored(path: Path) -> Iterator[Image.Image]:
    """An image file, not decoded yet.  Raises BadImage for what is wrong with it, then or
    later.
    """
    if path.is_fifo():  # opening it waits for a writer
        raise BadImage("is a pipe", hint="give a JPEG or PNG image")
    try:
        # Pillow warns from 89 megapixels on, before the size can be compared here.
        with warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning):
            stored = Image.open(path)
        with stored:
            width, height = stored.size
            if width * height > MAX_PIXELS:
                raise BadImage(
                    f"is {width}x{height}, more than {MAX_PIXELS >> 20} megapixels",
                    hint="reduce the image, or cut out the part that shows the object",
                )
            yield stored
    except FileNotFoundError as error:
        raise BadImage("does not exist", hint="check the path") from error
    except IsADirectoryError as error:
        raise BadImage("is a folder", hint="give one image of it") from error
    except UnidentifiedImageError as error:
        raise BadImage("is no image", hint="give a JPEG or PNG image") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadImage(f"cannot be read: {error}", hint="give a JPEG or PNG image") from error


def read_label_image(path: Path) -> LabelImage:
    """One value per pixel of a black-and-white, grey or palette image.

    Raises BadImage as `open_image` does, and for a colour image or one of floating-point
    values.
    """
    image = open_image(path)
    if image.mode == "F":
        raise BadImage(
            "holds floating-point values",
            hint="save whole numbers, 0 for background, as a palette or grey PNG",
        )
    if image.mode not in _LABEL_MODES:
        raise BadImage(
            f"is a colour image (mode {image.mode})",
            hint="save it as a palette or grey PNG with 0 for background",
        )
    return LabelImage(np.array(image), image.mode, image.format in _LOSSY)


def read_mask_image(path: Path) -> LabelImage:
    """A label image, or the grey levels of a colour image that holds only greys.

    Transparent pixels are 0; where the visible colour is all one, opacity is the level.
    Raises BadImage as `read_label_image` does.
    """
    image = open_image(path)
    if image.mode not in ("LA", "RGB", "RGBA"):
        return read_label_image(path)
    pixels = np.array(image.convert("RGBA"))
    colours = pixels[..., :3].astype(np.int16)
    opacity = pixels[..., 3]
    visible = colours[opacity > 0]
    if not visible.size:
        return LabelImage(opacity, "L")
    if opacity.min() < 255 and (visible == visible[0]).all():
        return LabelImage(opacity, "L")
    if np.ptp(visible, axis=-1).max() > 0:
        return read_label_image(path)
    grey = np.where(opacity >= 128, pixels[..., 0], 0).astype(np.uint8)
    return LabelImage(grey, "L", image.format in _LOSSY)
