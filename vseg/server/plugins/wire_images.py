"""Images and masks as text: what other tools send in JSON, and get back.

Enters: a data URI, or base64 alone, of an image file.  Leaves: RGB pixels, turned as
displayed; the size is known before anything is decoded.  And a mask as the data URI of a PNG.
"""

import base64
import binascii
import io
import warnings

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, UnidentifiedImageError

from vseg.errors import BadImage
from vseg.exchange.labelme import png_base64
from vseg.server.wire_prompts import PixelBudget
from vseg.video.images import FORMATS, displayed_rgb, displayed_size

_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "BMP": ".bmp", "TIFF": ".tif"}
_HINT = "send the file of a JPEG, PNG, WebP or BMP image as base64"


def file_of_text(text: str) -> bytes:
    """The bytes of a data URI, or of base64 alone.  Raises BadImage."""
    _, comma, encoded = text.partition(",")
    try:
        return base64.b64decode(encoded if comma else text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadImage("the image is not base64", hint=_HINT) from error


def header_of(content: bytes, most_pixels: int) -> tuple[str, tuple[int, int]]:
    """What the name of an image file ends with, and the height and width that it is displayed
    with.  Raises BadImage, and TooLarge for more than `most_pixels`.
    """
    with _opened(content, most_pixels) as image:
        return _SUFFIXES[image.format or ""], displayed_size(image)


def rgb_of(content: bytes, most_pixels: int) -> UInt8[np.ndarray, "H W 3"]:
    """The pixels of an image file as they are displayed.  Raises as `header_of` does."""
    with _opened(content, most_pixels) as image:
        try:
            return displayed_rgb(image)
        except (OSError, ValueError, SyntaxError) as error:
            raise BadImage(f"the image cannot be decoded: {error}", hint=_HINT) from error


def png_uri(mask: Bool[np.ndarray, "H W"]) -> str:
    """A mask as the data URI of a black and white PNG."""
    return f"data:image/png;base64,{png_base64(mask)}"


def _opened(content: bytes, most_pixels: int) -> Image.Image:
    try:
        # Pillow warns of what is larger than it likes; the size is compared here.
        with warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning):
            image = Image.open(io.BytesIO(content), formats=FORMATS)
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise BadImage("the image is of no known format", hint=_HINT) from error
    except (OSError, ValueError, SyntaxError) as error:
        raise BadImage(f"the image cannot be read: {error}", hint=_HINT) from error
    PixelBudget(most_pixels).take((image.height, image.width))
    return image
