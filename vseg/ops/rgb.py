"""Checks of RGB images and of frames that users give."""

from typing import Any

import numpy as np
from jaxtyping import UInt8

from vseg.errors import BadFrame
from vseg.types import Frame


def checked_rgb(image: Any) -> UInt8[np.ndarray, "H W 3"]:
    """What was given as an image, as an array.  Raises BadFrame unless it is (H, W, 3) uint8
    with at least one pixel.
    """
    try:
        pixels = np.asarray(image)
    except Exception as error:  # whatever the library raises that the image is of
        raise BadFrame(
            f"a {type(image).__name__} cannot be made an image: {error}",
            hint="give an RGB image as uint8 (height, width, 3), such as tensor.cpu().numpy()",
        ) from error
    if pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8 and pixels.size:
        return pixels
    raise BadFrame(
        f"the image is {pixels.dtype} of shape {pixels.shape}, not uint8 (height, width, 3)",
        hint=_hint(pixels),
    )


def check_frame(frame: Any) -> Frame:
    """The frame.  Raises BadFrame for what is none, as a plain image or an index."""
    if not isinstance(frame, Frame):
        raise BadFrame(
            f"frame is {type(frame).__name__}, not vseg.Frame",
            hint="give vseg.Frame(index, None, time_s, image), or one that a video read",
        )
    return frame


def _hint(pixels: np.ndarray) -> str:
    """How it becomes an RGB image."""
    if pixels.dtype.kind in "UO":
        return "read it first: np.asarray(PIL.Image.open(path).convert('RGB'))"
    if pixels.dtype.kind == "f":
        return "convert it: (image * 255).astype(np.uint8) if its values are in [0, 1]"
    if pixels.ndim == 2:
        return "a grey image becomes RGB by np.repeat(image[..., None], 3, axis=2)"
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        return "drop the alpha channel: image[..., :3]"
    return "give an RGB image as uint8 (height, width, 3)"
