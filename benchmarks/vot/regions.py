"""Regions as the VOT toolkit writes them in text, one a line.

Enters: a line of a query, or a mask.  Leaves: a prompt, or a line.  A mask is `m` and integers:
x, y, width, height of its box, then run lengths by rows, background first; a lone number is a
code (0 unknown or absent, 1 the prompted frame); 2 numbers are a point, 4 a box (x, y, width,
height), more the corners of a polygon.
"""

import numpy as np
from jaxtyping import Bool

from vseg import Box, Mask, Points, Polygon

ABSENT = "0"
EMPTY_MASK = "m0,0,0,0,0"
"""The region of an object that is known to be absent; in ground truth, 0 means unknown."""


def prompt_of(line: str, image_hw: tuple[int, int]) -> Mask | Box | Points | Polygon:
    """The prompt that a region stands for.  Raises ValueError for a code or a bad line."""
    if line.startswith("m"):
        return Mask(mask_of(line, image_hw))
    numbers = [float(number) for number in line.split(",")]
    if len(numbers) == 2:
        return Points([numbers])
    if len(numbers) == 4:
        x, y, width, height = numbers
        return Box(x, y, x + width, y + height)
    if len(numbers) < 6 or len(numbers) % 2:
        raise ValueError(f"{line!r} is no region that can be tracked")
    return Polygon(np.array(numbers).reshape(-1, 2).tolist())


def mask_of(line: str, image_hw: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    """The mask at the size of the image; what lies outside it is cut off."""
    x, y, width, height, *runs = (int(number) for number in line[1:].split(","))
    ends = np.cumsum(runs)
    inside = np.zeros(width * height + 1, dtype=np.int64)
    np.add.at(inside, ends[:-1:2], 1)
    np.add.at(inside, ends[1::2], -1)
    box = (np.cumsum(inside)[:-1] > 0).reshape(height, width)
    mask = np.zeros(image_hw, dtype=bool)
    shown = mask[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)]
    top, left = max(0, -y), max(0, -x)
    shown[:] = box[top : top + shown.shape[0], left : left + shown.shape[1]]
    return mask


def line_of(mask: Bool[np.ndarray, "H W"], empty: str = ABSENT) -> str:
    """The line of a mask; `empty` for one without a pixel."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return empty
    columns = np.flatnonzero(mask.any(axis=0))
    box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    pixels = box.reshape(-1)
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    runs = np.diff([0, *changes.tolist(), pixels.size]).tolist()
    if pixels[0]:
        runs.insert(0, 0)
    head = (int(columns[0]), int(rows[0]), box.shape[1], box.shape[0])
    return "m" + ",".join(map(str, (*head, *runs)))
