"""Shapes of CVAT's functions as prompts, and masks as such shapes.

Enters: the type of a shape and its flat list of numbers.  Leaves: a Box or Mask.  And the way
back, from a mask.  A mask's numbers are run lengths, row by row within its box, that begin
with background, then x1, y1, x2, y2 of the box, right and bottom inclusive: what
`cvat_sdk.masks.encode_mask` writes.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from vseg.errors import BadPrompt
from vseg.ops.outline import SIMPLE, mask_of_rings, polygons_of
from vseg.types import Box, Mask, MaskCrop

ShapeType = Literal["rectangle", "polygon", "mask"]
Numbers = Sequence[int | float]
"""As JSON gives them: whole numbers come as int."""

SHAPE_TYPES: tuple[ShapeType, ...] = get_args(ShapeType)


def prompt_of_shape(kind: str, points: Numbers, hw: tuple[int, int]) -> Box | Mask:
    """What a shape says of its object on a frame of (height, width) `hw`.

    A polygon counts where it lies on the frame, and may cross itself.  Raises BadPrompt.
    """
    if kind == "rectangle":
        _check_count(kind, points, len(points) == 4)
        x1, y1, x2, y2 = map(float, points)
        return Box(x1, y1, x2, y2)
    if kind == "polygon":
        _check_count(kind, points, len(points) >= 6 and len(points) % 2 == 0)
        ring = np.array(points, dtype=np.float64).reshape(-1, 2)
        return Mask(mask_of_rings([ring], *hw).paste(*hw))
    if kind == "mask":
        _check_count(kind, points, len(points) >= 5)
        return Mask(_mask_of(points, hw).paste(*hw))
    raise BadPrompt(
        f"a shape of type {kind!r} cannot be tracked",
        hint=f"draw one of {', '.join(SHAPE_TYPES)}",
    )


def points_of_mask(kind: str, crop: MaskCrop) -> list[float] | None:
    """A mask as a shape of type `kind`; None if it is empty.

    A polygon is the outline of the largest part, without its holes.
    """
    if not crop.area:
        return None
    if kind == "rectangle":
        return [float(side) for side in crop.xyxy]
    if kind == "polygon":
        return [float(number) for number in polygons_of(crop, SIMPLE)[0].ravel()]
    pixels = crop.mask.ravel()
    edges = np.flatnonzero(np.diff(pixels, prepend=False)).tolist()
    runs = np.diff([0, *edges, pixels.size]).tolist()
    x1, y1, x2, y2 = crop.xyxy
    return [float(number) for number in (*runs, x1, y1, x2 - 1, y2 - 1)]


def _mask_of(points: Numbers, hw: tuple[int, int]) -> MaskCrop:
    *runs, x1, y1, x2, y2 = map(int, points)
    height = y2 - y1 + 1
    width = x2 - x1 + 1
    # Known before anything is allocated: the box is on the frame, and the runs fill it.
    on_frame = 0 <= x1 <= x2 < hw[1] and 0 <= y1 <= y2 < hw[0]
    if not on_frame or min(runs) < 0 or sum(runs) != width * height:
        raise BadPrompt(
            f"the run lengths of a mask do not fill the box {x1}, {y1} to {x2}, {y2} on a "
            f"{hw[1]}x{hw[0]} frame",
            hint="give what cvat_sdk.masks.encode_mask returns for an image of this size",
        )
    values = np.arange(len(runs)) % 2 == 1
    return MaskCrop(x1, y1, np.repeat(values, runs).reshape(height, width))


def _check_count(kind: str, points: Numbers, fits: bool) -> None:
    if not fits or not np.isfinite(np.asarray(points, dtype=np.float64)).all():
        raise BadPrompt(
            f"a {kind} cannot have these {len(points)} numbers",
            hint="a rectangle has 4, a polygon x and y of 3 corners or more, a mask run "
            "lengths and its box; all finite",
        )
