"""Checks of RGB images that users give as arrays."""

import numpy as np

from vseg.errors import BadFrame


def check_rgb(image: np.ndarray) -> None:
    """Raise BadFrame unless the image is (H, W, 3) uint8 with at least one pixel."""
    if image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8 and image.size:
        return
    hint = "give an RGB image as uint8 (height, width, 3)"
    if image.dtype.kind in "UO":
        hint = "read it first: np.asarray(PIL.Image.open(path).convert('RGB'))"
    elif image.dtype.kind == "f":
        hint = "convert it: (image * 255).astype(np.uint8) if its values are in [0, 1]"
    elif image.ndim == 2:
        hint = "a grey image becomes RGB by np.repeat(image[..., None], 3, axis=2)"
    elif image.ndim == 3 and image.shape[2] == 4:
        hint = "drop the alpha channel: image[..., :3]"
    raise BadFrame(
        f"the image is {image.dtype} of shape {image.shape}, not uint8 (height, width, 3)",
        hint=hint,
    )
