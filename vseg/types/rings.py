"""Rings of polygons: closed outlines, each checked as it comes in.

Enters: corners in plain numbers.  Leaves: arrays.  A ring may touch itself, as outlines made
from masks do; it may not cross itself, because nobody draws an object like that on purpose.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from vseg.errors import BadPrompt
from vseg.types.prompt_numbers import as_pairs

Ring = Float64[np.ndarray, "_ 2"]

LEAST_AREA = 1e-6
"""Square pixels: what rounding leaves of corners on one line is less.  Not tuned."""


def checked_rings(rings: Any) -> tuple[Ring, ...]:
    """The rings, of one ring or of a list of them.  Raises BadPrompt for one of fewer than 3
    corners, without area, or that crosses itself.
    """
    if isinstance(rings, str) or not isinstance(rings, Sequence | np.ndarray):
        raise BadPrompt(
            f"a polygon is a {type(rings).__name__}, not corners",
            hint="give a list of (x, y) corners, or a list of such rings",
        )
    each = rings if _is_list_of_rings(rings) else [rings]
    return tuple(_checked(ring) for ring in each)


def _is_list_of_rings(rings: Sequence[Any] | np.ndarray) -> bool:
    """Whether the first entry holds pairs rather than the two numbers of one."""
    first: Any = rings[0] if len(rings) else ()
    if isinstance(first, np.ndarray):
        return first.ndim > 1
    paired = isinstance(first, Sequence) and len(first) > 0
    return paired and isinstance(first[0], Sequence | np.ndarray)


def _checked(corners: Any) -> Ring:
    ring = _open(as_pairs(corners, "a polygon").astype(np.float64))
    if len(ring) < 3:
        raise BadPrompt(
            f"a polygon has {max(1, len(ring))} different corners and needs at least 3",
            hint="give the corners in order around the object: x,y x,y x,y",
        )
    crossing = _crossing(ring)
    if crossing is not None:
        one, other = (_edge(ring, k) for k in crossing)
        raise BadPrompt(
            f"a polygon crosses itself: its side {one} crosses its side {other}",
            hint="give the corners in order around the object; a second ring makes a hole",
        )
    if _area(ring) < LEAST_AREA:
        raise BadPrompt(
            f"a polygon of {len(ring)} corners has no area: they lie on one line",
            hint="give the corners in order around the object",
        )
    return ring


def _open(ring: Ring) -> Ring:
    """The ring without corners that repeat the one before, or the first at the end."""
    moved = (ring != np.roll(ring, 1, axis=0)).any(axis=1)
    return np.asarray(ring[moved])


def _area(ring: Ring) -> float:
    """By the shoelace formula, from the first corner on so that large coordinates keep their
    digits.
    """
    x, y = (ring - ring[0]).T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _crossing(ring: Ring) -> tuple[int, int] | None:
    """The first two sides that cross in their insides, by number.  Two sides cross where the
    ends of each lie on different sides of the other.
    """
    starts = ring
    ends = np.roll(ring, -1, axis=0)
    for k in range(len(ring) - 2):
        a = starts[k]
        b = ends[k]
        c = starts[k + 2 :]
        d = ends[k + 2 :]
        of_this = _turn(a, b, c) * _turn(a, b, d) < 0
        of_other = _turn(c, d, a) * _turn(c, d, b) < 0
        crossed = np.flatnonzero(of_this & of_other)
        if len(crossed):
            return k, k + 2 + int(crossed[0])
    return None


def _turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Positive where a, b, c turn one way, negative where the other, 0 on one line."""
    along = b - a
    across = c - a
    return np.asarray(along[..., 0] * across[..., 1] - along[..., 1] * across[..., 0])


def _edge(ring: Ring, number: int) -> str:
    x1, y1 = ring[number]
    x2, y2 = ring[(number + 1) % len(ring)]
    return f"{x1:g},{y1:g} to {x2:g},{y2:g}"
