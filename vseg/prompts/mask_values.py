"""Whether the values of a mask image are object ids or the levels of one object.

Enters: one value per pixel.  Leaves: how they are read.  Values are ids where they change
abruptly.  Where they rise in steps from one side of an edge to the other, the image was
resized, drawn with soft edges or stored as JPEG: then it is one object if it has no level
between black and white but on edges, and otherwise nobody can tell which ids it had.
"""

from enum import Enum

import cv2
import numpy as np
from jaxtyping import Bool, Integer

_BLENDED = 1 / 12
"""Least share of edges with a level in between.  Of label images as drawn (2 to 8 ellipses
over each other) 99 % have less than 0.05 at a width of 64 pixels and less than 0.004 at 854;
below 320 pixels the greatest share was 0.2."""
_FEW = 8
"""Fewer pixels between two levels meet by chance.  Not tuned."""
_NOISE = 1 / 16
"""Levels up to this share of the greatest may be noise of JPEG or ringing of a filter."""
_BRIGHT = 7 / 8
"""Levels from this share of the greatest on are the object: noise lifts the greatest of a grey
object by up to an eighth."""
_EVEN = 1 / 32
"""Levels this near to each other, as a share of the greatest, are an area and no edge: an edge
of a soft mask is up to 32 pixels wide."""
_FLAT_SHARE = 0.05
_FAINT_SHARE = 0.25
"""Least share of areas among the levels in between, and of areas of faint levels compared with
the object, that are objects of their own.  Of 1131 masks of one object, resized or stored as
JPEG, 5 % have more, all of them lines or dots of a few pixels; of 2280 label images treated so
2 % have less, where JPEG had wiped out the ids."""
_PART = 8
"""Least pixels of a part that is not brighter than half: fewer are noise.  Not tuned."""
_VISIBLE = 64
"""Grey ids from here on are rare, painted greys common.  A round value; not tuned."""


class MaskKind(Enum):
    """How the values of a mask image are read."""

    ONE_OBJECT = "one object"
    LABELS = "one object per value"
    UNDECIDED = "one object, or one per value"
    BLENDED = "ids mixed along their borders"


def void_of(values: Integer[np.ndarray, "H W"]) -> int:
    """The greatest value of 8 or 16 bits: white, or what DAVIS and VOC mark as void."""
    return 255 if int(values.max()) <= 255 else 65535


def half_of(values: Integer[np.ndarray, "H W"]) -> int:
    """The least level that belongs to the object of a soft mask."""
    return (int(values.max()) + 1) // 2


def classify(
    values: Integer[np.ndarray, "H W"], *, palette: bool, lossy: bool = False
) -> MaskKind:
    """The kind of a mask that is not empty.  lossy: stored so that values change, as by JPEG,
    which cannot hold ids.
    """
    levels = [int(v) for v in np.unique(values) if v not in (0, void_of(values))]
    if not levels:
        return MaskKind.ONE_OBJECT
    wide = values.astype(np.int32)
    if lossy or _blended_share(wide) >= _BLENDED:
        return MaskKind.ONE_OBJECT if _is_one_object(wide) else MaskKind.BLENDED
    return _labels(values, levels, palette)


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


def _blended_share(values: Integer[np.ndarray, "H W"]) -> float:
    """The share of edges, along rows and columns, that have a level in between."""
    blended = 0
    abrupt = 0
    for lines in (values, values.T):
        before = lines[:, :-2]
        here = lines[:, 1:-1]
        after = lines[:, 2:]
        between = np.zeros(lines.shape, dtype=bool)
        between[:, 1:-1] = (before - here) * (here - after) > 0
        # Between neighbouring values there is no level that could tell.
        steps = np.abs(np.diff(lines, axis=1)) >= 2
        blended += int(np.count_nonzero(between))
        abrupt += int(np.count_nonzero(steps & ~between[:, 1:] & ~between[:, :-1]))
    return blended / max(1, blended + abrupt) if blended >= _FEW else 0.0


def _is_one_object(values: Integer[np.ndarray, "H W"]) -> bool:
    """Whether a blended image is bright, and has neither areas of a level in between or of a
    faint one, nor parts that half its greatest level would drop.
    """
    greatest = int(values.max())
    if greatest <= void_of(values) // 2:
        return False
    flat = _flat(values, int(greatest * _EVEN))
    middle = (values > greatest * _NOISE) & (values < greatest * _BRIGHT)
    faint = (values > 0) & (values <= greatest * _NOISE)
    object_area = np.count_nonzero(values >= half_of(values))
    levelled = np.count_nonzero(flat & middle) >= _FLAT_SHARE * np.count_nonzero(middle)
    shaded = np.count_nonzero(_flat(values, 0) & faint) >= _FAINT_SHARE * object_area
    return not (levelled and middle.any()) and not shaded and not _drops_a_part(values)


def _flat(values: Integer[np.ndarray, "H W"], most: int) -> Bool[np.ndarray, "H W"]:
    """Pixels in a 2x2 block whose values differ by at most `most`."""
    corners = (values[:-1, :-1], values[1:, :-1], values[:-1, 1:], values[1:, 1:])
    block = np.maximum.reduce(corners) - np.minimum.reduce(corners) <= most
    flat = np.zeros(values.shape, dtype=bool)
    for rows in (slice(None, -1), slice(1, None)):
        for columns in (slice(None, -1), slice(1, None)):
            flat[rows, columns] |= block
    return flat


def _drops_a_part(values: Integer[np.ndarray, "H W"]) -> bool:
    """Whether a connected part, too bright for noise, has no level of the object's."""
    greatest = int(values.max())
    count, parts, stats, _ = cv2.connectedComponentsWithStats(
        (values > greatest * _NOISE).astype(np.uint8), connectivity=8
    )
    has_object = np.zeros(count, dtype=bool)
    has_object[parts[values >= half_of(values)]] = True
    above_noise = np.zeros(count, dtype=bool)
    above_noise[parts[values >= 2 * greatest * _NOISE]] = True
    large = stats[:, cv2.CC_STAT_AREA] >= _PART
    return bool((above_noise & ~has_object & large)[1:].any())
