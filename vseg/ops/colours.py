"""Colours of objects: for people's eyes (`colour_of`) and for label files
(`davis_palette`).
"""

import colorsys

import numpy as np
from jaxtyping import UInt8

# Bright on foliage, asphalt, skin and sky alike, and far apart from each other in order of
# use.
_FIRST = (
    (0, 194, 255),
    (255, 138, 0),
    (255, 64, 160),
    (130, 220, 70),
    (158, 112, 255),
    (255, 214, 10),
    (0, 201, 160),
    (255, 84, 74),
    (70, 130, 255),
    (240, 150, 220),
)
_GOLDEN_ANGLE = 0.618034


def colour_of(object_id: int) -> tuple[int, int, int]:
    """RGB of an object, the same in every image; the first ten are chosen by hand."""
    if 1 <= object_id <= len(_FIRST):
        return _FIRST[object_id - 1]
    hue = object_id * _GOLDEN_ANGLE % 1.0
    saturation, brightness = (0.85, 1.0) if object_id % 2 else (0.6, 0.9)
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, brightness)
    return round(red * 255), round(green * 255), round(blue * 255)


def hex_of(object_id: int) -> str:
    """The colour of an object as `#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*colour_of(object_id))


def rgb_of(text: str) -> tuple[int, int, int]:
    """RGB of `#rrggbb`."""
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red, green, blue


def davis_palette() -> UInt8[np.ndarray, "256 3"]:
    """The colour table of PASCAL VOC and DAVIS label files: 0 black, 1 dark red, 2 dark green
    ...

    Bits 0, 1, 2 of an index, then 3, 4, 5 and so on, become the highest, next ... bits of R,
    G, B.
    """
    index = np.arange(256)
    table = np.zeros((256, 3), dtype=np.uint8)
    for step in range(8):
        for channel in range(3):
            bit = (index >> (3 * step + channel)) & 1
            table[:, channel] |= (bit << (7 - step)).astype(np.uint8)
    return table
