"""Attributes of an object, decided on the pixels of its mask: colour, place and size.

Enters: an image and masks.  Leaves: for every mask whether it has the attribute.  Colours are
the eleven basic terms (Berlin and Kay 1969), by hue, saturation and value of every pixel.
Nothing is learned.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8

from vseg.types import MaskCrop

NAMES = (
    *("black", "white", "grey"),
    *("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown"),
)
COLOURS = {name: name for name in NAMES} | {
    "gray": "grey",
    "violet": "purple",
    "silver": "grey",
}
PLACES = {
    **{name: name for name in ("left", "right", "top", "bottom", "middle")},
    **{"leftmost": "left", "rightmost": "right", "upper": "top", "lower": "bottom"},
    **{"center": "middle", "centre": "middle"},
}
SIZES = {
    **{"largest": "largest", "biggest": "largest", "smallest": "smallest"},
    **{"larger": "largest", "bigger": "largest", "smaller": "smallest"},
}
MOTIONS = {
    "moving": "moving",
    **{name: "still" for name in ("still", "static", "stationary", "parked")},
}

_DARK = 0.2
"""Value below which everything is black.  These limits and the hues are not tuned."""
_PALE = 0.2
"""Saturation below which nothing has a hue."""
_BRIGHT = 0.85
"""Value above which a pixel without a hue is white."""
# The last hue in degrees of every name, around the circle.
_HUES = ((14, "red"), (42, "orange"), (69, "yellow"), (176, "green"), (255, "blue"))
_MORE_HUES = ((306, "purple"), (344, "pink"), (361, "red"))
_COLOURED = 0.25
"""Share of its pixels that give an object its colour: a red car has windows, tyres and
highlights.  A round value, not tuned.
"""


def colour_shares(
    image: UInt8[np.ndarray, "H W 3"], crop: MaskCrop
) -> Float64[np.ndarray, " 11"]:
    """The shares of NAMES among the pixels under a mask."""
    h, w = crop.mask.shape
    part = image[crop.y : crop.y + h, crop.x : crop.x + w][crop.mask]
    counts = np.bincount(_named(part[None])[0], minlength=len(NAMES))
    return np.asarray(counts / max(1, len(part)), np.float64)


def is_coloured(shares: Float64[np.ndarray, " 11"], name: str) -> bool:
    """Whether an object with these shares has the colour of this name.

    A hue needs a quarter of the pixels; black, white and grey are everywhere in shadows and
    highlights, so they must lead as well.
    """
    share = shares[NAMES.index(name)]
    leads = name not in NAMES[:3] or share == shares.max()
    return bool(share >= _COLOURED and leads)


def _named(pixels: UInt8[np.ndarray, "1 N 3"]) -> Int64[np.ndarray, "1 N"]:
    """The place in NAMES of every pixel's colour."""
    hsv = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    hue = hsv[..., 0]
    saturation = hsv[..., 1]
    value = hsv[..., 2]
    ends, hues = zip(*_HUES, *_MORE_HUES, strict=True)
    which = np.array([NAMES.index(name) for name in hues])[np.searchsorted(ends, hue, "right")]
    warm = (which == NAMES.index("red")) | (which == NAMES.index("orange"))
    is_red = which == NAMES.index("red")
    which[is_red & (saturation < 0.55) & (value > 0.75)] = NAMES.index("pink")
    which[warm & ~is_red & (value < 0.72)] = NAMES.index("brown")
    which[is_red & (hue < 180) & (saturation < 0.78) & (value < 0.7)] = NAMES.index("brown")
    # Dark colours keep less of their hue: the darker, the more saturation it takes.
    pale = saturation < _PALE + 0.25 * (0.4 - value).clip(0)
    which[pale] = NAMES.index("grey")
    which[pale & (value > _BRIGHT)] = NAMES.index("white")
    which[value < _DARK] = NAMES.index("black")
    return np.asarray(which, np.int64)


def place_costs(
    crops: Sequence[MaskCrop], places: Sequence[str], hw: tuple[int, int]
) -> Float64[np.ndarray, "N P"]:
    """The distances of the masks' centres from the places: 0 at the place itself, 1 at the far
    side.
    """
    centres = np.array([_centre(crop) for crop in crops]).reshape(-1, 2) / (hw[1], hw[0])
    x, y = centres.T
    far = {
        "left": x,
        "right": 1 - x,
        "top": y,
        "bottom": 1 - y,
        "middle": 2 * abs(centres - 0.5).max(axis=1, initial=0),
    }
    return np.asarray(np.stack([far[place] for place in places], axis=1), np.float64)


def in_places(
    crops: Sequence[MaskCrop], places: Sequence[str], hw: tuple[int, int]
) -> Bool[np.ndarray, " N"]:
    """Which masks have their centre in every place: its half of the frame; the middle is the
    inner half.
    """
    return np.asarray((place_costs(crops, places, hw) <= 0.5).all(axis=1), dtype=bool)


def of_size(areas: Float64[np.ndarray, " N"], size: str) -> Bool[np.ndarray, " N"]:
    """Those within a factor of two of the largest, or the smallest."""
    if not len(areas):
        return np.zeros(0, dtype=bool)
    if size == "largest":
        return np.asarray(areas >= areas.max() / 2, dtype=bool)
    return np.asarray(areas <= areas.min() * 2, dtype=bool)


def _centre(crop: MaskCrop) -> tuple[float, float]:
    """The centroid of a mask that is not empty."""
    moments = cv2.moments(crop.mask.astype(np.uint8), binaryImage=True)
    x = moments["m10"] / moments["m00"]
    y = moments["m01"] / moments["m00"]
    return crop.x + x + 0.5, crop.y + y + 0.5
