"""Where masks are refined: the smallest of a few window sizes that holds all that an object
may cover.

Sizes are few, so that objects share batches, and an object's window depends on that object
alone.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from vseg.ops.masks import mask_box

_MARGIN = 2
"""Cells: as far as the refining convolutions reach, what is outside cannot change the mask."""
STEP = 8
"""Cells between window sizes: few sizes share batches, many waste few cells; not tuned."""
_NEARLY_ALL = 0.7
"""Share of the map above which a window saves too little; not tuned."""


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Cells [top, top + height) x [left, left + width)."""

    height: int
    width: int
    top: int
    left: int

    def slices(self, stride: int) -> tuple[slice, slice]:
        """Rows and columns of a map that has `stride` x `stride` pixels per cell."""
        return (
            slice(self.top * stride, (self.top + self.height) * stride),
            slice(self.left * stride, (self.left + self.width) * stride),
        )


def windows_around(maybe: Bool[np.ndarray, "N h w"], step: int = STEP) -> list[Window | None]:
    """The window of every object; None where nothing may be, the whole map where nearly all of
    it may.  step: cells between window sizes.
    """
    return [_window(cells, step) for cells in maybe]


def _window(cells: Bool[np.ndarray, "h w"], step: int) -> Window | None:
    h, w = cells.shape
    x1, y1, x2, y2 = mask_box(cells)
    if x1 == x2:
        return None
    top, height = _span(y1, y2 - 1, h, step)
    left, width = _span(x1, x2 - 1, w, step)
    if height * width > _NEARLY_ALL * h * w:
        return Window(h, w, 0, 0)
    return Window(height, width, top, left)


def _span(first: int, last: int, size: int, step: int) -> tuple[int, int]:
    """Start and length of the shortest allowed span around first..last and its margin."""
    wanted = last - first + 1 + 2 * _MARGIN
    length = min(size, -(-wanted // step) * step)
    start = (first + last + 1 - length) // 2
    return min(max(start, 0), size - length), length
