"""Masks from image files: a black-and-white image is one object, a label image one per
value.  docs/prompts.md states the rules by which the two are told apart.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Integer

from vseg.errors import BadImage, BadPrompt
from vseg.io.image_files import LabelImage, read_mask_image
from vseg.prompts.mask_values import MaskKind, classify, half_of, void_of

_COUNTS_SHOWN = 8
"""Values listed in an error, the most frequent first: one line.  Not tuned."""


def read_mask_file(
    path: Path, object_id: int | None
) -> Iterator[tuple[int, Bool[np.ndarray, "H W"]]]:
    """(object id, mask) for each object of an image file, by rising id.

    `object_id`, if given, names the only object of a file, or picks one of several.  Raises
    BadPrompt for an image that is unreadable, coloured, empty, or can be read in two ways.
    """
    image = _read(path)
    values = image.values
    present = [int(v) for v in np.unique(values) if v != 0]
    if not present:
        raise BadPrompt(
            f"mask {path} is empty: every pixel is 0", hint="paint the object non-zero"
        )
    kind = classify(values, palette=image.mode == "P")
    if kind is MaskKind.ONE_OBJECT:
        yield object_id or 1, values >= half_of(values)
        return
    if kind is MaskKind.UNDECIDED and object_id not in present:
        raise BadPrompt(
            f"mask {path} is neither one object nor one object per value: {_counts(values)}",
            hint=f"for one value give it as OBJ, --mask {max(present)}:{path}; otherwise save "
            "0 and 255 for one object, or a palette PNG of object ids without soft edges",
        )
    yield from _labelled(path, values, present, object_id)


def _labelled(
    path: Path, values: Integer[np.ndarray, "H W"], present: list[int], object_id: int | None
) -> Iterator[tuple[int, Bool[np.ndarray, "H W"]]]:
    objects = [v for v in present if v != void_of(values)]
    if object_id is None:
        yield from ((v, values == v) for v in objects)
    elif len(objects) == 1 and object_id not in present:
        yield object_id, values == objects[0]
    elif object_id in present:
        yield object_id, values == object_id
    else:
        raise BadPrompt(
            f"mask {path} has no object {object_id}; its values are {objects}",
            hint="give one of those, or none to use them all",
        )


def _counts(values: Integer[np.ndarray, "H W"]) -> str:
    levels, counts = np.unique(values[values != 0], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_COUNTS_SHOWN]
    listed = ", ".join(f"value {levels[i]} on {counts[i]} pixels" for i in order)
    rest = len(levels) - len(order)
    return f"{listed}, and {rest} more values" if rest else listed


def _read(path: Path) -> LabelImage:
    try:
        image = read_mask_image(path)
    except BadImage as error:
        raise BadPrompt(f"mask {path} {error.message}", hint=error.hint) from error
    if image.values.dtype != bool:
        return image
    return LabelImage(image.values.astype(np.uint8) * 255, image.mode)
