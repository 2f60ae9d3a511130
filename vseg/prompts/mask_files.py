"""Masks from image files: a black-and-white image is one object, a label image one per
value.  docs/prompts.md states the rules by which the two are told apart.
"""

from collections.abc import Iterator
from dataclasses import replace
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
) -> Iterator[tuple[int | None, Bool[np.ndarray, "H W"]]]:
    """(object id, mask) for each object of an image file, by rising id; without id that of a
    file which holds none.

    `object_id`, if given, names the only object of a file, or picks one of several.  Raises
    BadPrompt for an image that is unreadable, coloured, empty, or can be read in two ways.
    """
    values, kind = _classified(path, f"mask {path}")
    if kind is MaskKind.ONE_OBJECT:
        yield object_id, values >= half_of(values)
        return
    present = [int(v) for v in np.unique(values) if v != 0]
    if kind is MaskKind.UNDECIDED and object_id not in present:
        raise BadPrompt(
            f"mask {path} is neither one object nor one object per value: {_counts(values)}",
            hint=f"for one value give it as OBJ, --mask {max(present)}:{path}; otherwise save "
            "0 and 255 for one object, or a palette PNG of object ids without soft edges",
        )
    yield from _labelled(path, values, present, object_id)


def read_region_file(path: Path) -> Bool[np.ndarray, "H W"]:
    """The mask of the only object of an image file, by the rules of `read_mask_file`.

    Raises BadPrompt as that does, and for a file of several objects.
    """
    name = f"exemplar mask {path}"
    values, kind = _classified(path, name)
    if kind is MaskKind.ONE_OBJECT:
        return np.asarray(values >= half_of(values))
    objects = [int(v) for v in np.unique(values) if v not in (0, void_of(values))]
    if kind is MaskKind.UNDECIDED or len(objects) != 1:
        raise BadPrompt(
            f"{name} does not show one object: {_counts(values)}",
            hint="save 0 and 255, or 0 and 1, for the object that the exemplar shows",
        )
    return np.asarray(values == objects[0])


def _classified(path: Path, name: str) -> tuple[Integer[np.ndarray, "H W"], MaskKind]:
    """The values of a file and how they are read.  Raises BadPrompt where they are no ids any
    more.
    """
    image = _read(path, name)
    values = image.values
    if not values.any():
        raise BadPrompt(f"{name} is empty: every pixel is 0", hint="paint the object non-zero")
    kind = classify(values, palette=image.mode == "P", lossy=image.lossy)
    if kind is MaskKind.BLENDED:
        raise BadPrompt(
            f"{name} has levels in between along its borders, which are neither ids nor the "
            f"soft edges of one object: {_counts(values)}",
            hint="resize label images with nearest neighbour and store them as PNG, or save "
            "0 and 255 for one object",
        )
    return values, kind


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


def _read(path: Path, name: str) -> LabelImage:
    try:
        image = read_mask_image(path)
    except BadImage as error:
        raise BadPrompt(f"{name} {error.message}", hint=error.hint) from error
    if image.values.dtype != bool:
        return image
    return replace(image, values=image.values.astype(np.uint8) * 255)
