"""Masks from image files: a black-and-white image is one object, a label image one per
value.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Integer

from vseg.errors import BadImage, BadPrompt
from vseg.io.image_files import read_label_image

# DAVIS marks pixels that do not count with 255.
_VOID = 255


def read_mask_file(
    path: Path, object_id: int | None
) -> Iterator[tuple[int, Bool[np.ndarray, "H W"]]]:
    """(object id, mask) for each object of a PNG, by rising id.

    An image with a single non-zero value is one object, `object_id` or else 1.  With several
    values it is a label image (palette or grey): each value is an object, and `object_id`, if
    given, picks one of them.  Raises BadPrompt for an unreadable, coloured or empty image.
    """
    values = _label_values(path)
    present = [int(v) for v in np.unique(values) if v != 0]
    if not present:
        raise BadPrompt(
            f"mask {path} is empty: every pixel is 0", hint="paint the object non-zero"
        )
    if len(present) == 1:
        yield object_id or 1, values != 0
        return
    objects = [v for v in present if v != _VOID]
    if object_id is None:
        yield from ((v, values == v) for v in objects)
    elif object_id in objects:
        yield object_id, values == object_id
    else:
        raise BadPrompt(
            f"mask {path} has no object {object_id}; its values are {objects}",
            hint="give one of those, or none to use them all",
        )


def _label_values(path: Path) -> Integer[np.ndarray, "H W"] | Bool[np.ndarray, "H W"]:
    try:
        return read_label_image(path).values
    except BadImage as error:
        raise BadPrompt(f"mask {path} {error.message}", hint=error.hint) from error
