"""Whether the values of a mask image are object ids or the levels of one object."""

from enum import Enum

import numpy as np
from jaxtyping import Bool, Integer

_SOLID_SHARE = 0.5
"""Least share of a value's pixels in 2x2 blocks of that value; soft edges are one pixel wide
per level.  A round value; not tuned."""
_NOISE = 1 / 16
"""Levels this near to 0 or to white may be flat areas of JPEG noise.  Not tuned."""
_FEW_THIN = 2
"""Up to this many values without solid area may be thin objects.  Not tuned."""
_VISIBLE = 64
"""Grey ids from here on are rare, painted greys common.  A round value; not tuned."""
_FAINT = 32
"""A few thin values below this level are ids, not soft edges of white.  Not tuned."""


class MaskKind(Enum):
    """How the values of a mask image are read."""

    ONE_OBJECT = "one object"
    LABELS = "one object per value"
    UNDECIDED = "undecided"


def void_of(values: Integer[np.ndarray, "H W"]) -> int:
    """The greatest value of 8 or 16 bits: white, or what DAVIS and VOC mark as void."""
    return 255 if int(values.max()) <= 255 else 65535


def half_of(values: Integer[np.ndarray, "H W"]) -> int:
    """The least level that belongs to the object of a soft mask."""
    return (int(values.max()) + 1) // 2


def classify(values: Integer[np.ndarray, "H W"], *, palette: bool) -> MaskKind:
    """The kind of a mask that is not empty."""
    white = void_of(values)
    levels = [int(v) for v in np.unique(values) if v not in (0, white)]
    if not levels:
        return MaskKind.ONE_OBJECT
    solid = _solid(values)
    thin = [v for v in levels if solid[values == v].mean() < _SOLID_SHARE]
    if not thin or not _on_borders(values, thin):
        return _labels(values, levels, palette)
    if len(levels) > 1 or (values == white).any():
        edges = len(thin) > _FEW_THIN or (not palette and min(thin) >= _FAINT)
        if edges:
            return _soft(values, solid, white)
    return MaskKind.LABELS


def _labels(values: Integer[np.ndarray, "H W"], levels: list[int], palette: bool) -> MaskKind:
    """Grey levels that a person can see, alone or beside white, are as likely objects painted
    for the eye as ids; white that covers more than the ids is as likely an object as void.
    """
    white = void_of(values)
    if palette or white > 255:
        return MaskKind.LABELS
    painted = max(levels) >= _VISIBLE
    white_area = np.count_nonzero(values == white)
    ids_area = np.count_nonzero(values) - white_area
    unclear = (painted and (white_area > 0 or len(levels) == 1)) or white_area > ids_area
    return MaskKind.UNDECIDED if unclear else MaskKind.LABELS


def _soft(
    values: Integer[np.ndarray, "H W"], solid: Bool[np.ndarray, "H W"], white: int
) -> MaskKind:
    """One object, unless it is dark or a level between black and white fills an area."""
    middle = (values > white * _NOISE) & (values < white * (1 - _NOISE))
    flat = solid[middle].mean() >= _SOLID_SHARE / 2 if middle.any() else False
    dark = int(values.max()) <= white // 2
    return MaskKind.UNDECIDED if flat or dark else MaskKind.ONE_OBJECT


def _solid(values: Integer[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    """Pixels in a 2x2 block of one value."""
    corner = values[:-1, :-1]
    block = (
        (corner == values[1:, :-1]) & (corner == values[:-1, 1:]) & (corner == values[1:, 1:])
    )
    solid = np.zeros(values.shape, dtype=bool)
    for rows in (slice(None, -1), slice(1, None)):
        for columns in (slice(None, -1), slice(1, None)):
            solid[rows, columns] |= block
    return solid


def _on_borders(values: Integer[np.ndarray, "H W"], thin: list[int]) -> bool:
    """Whether half of the thin values' pixels have a greater value beside them."""
    higher = np.zeros(values.shape, dtype=bool)
    higher[1:] |= values[:-1] > values[1:]
    higher[:-1] |= values[1:] > values[:-1]
    higher[:, 1:] |= values[:, :-1] > values[:, 1:]
    higher[:, :-1] |= values[:, 1:] > values[:, :-1]
    return bool(higher[np.isin(values, thin)].mean() >= _SOLID_SHARE)
