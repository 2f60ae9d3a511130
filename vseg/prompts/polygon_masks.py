"""Polygons -> masks, once the frame's size is known, and rings that belong together.

Enters: polygons in video pixels.  Leaves: masks of the frame, cut at its edge.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from vseg.errors import BadPrompt
from vseg.ops.polygon import rasterise
from vseg.types import Mask, Polygon, Prompt, Timecode


def mask_of(polygon: Polygon, hw: tuple[int, int]) -> Mask:
    """The mask of a polygon on a frame of (height, width) `hw`, by the even-odd rule.

    Raises BadPrompt where it holds the centre of no pixel.
    """
    mask = np.zeros(hw, dtype=bool)
    for ring in polygon.rings:
        mask ^= rasterise(ring, *hw)
    if not mask.any():
        box = polygon.bounds
        raise BadPrompt(
            f"the polygon within {box.x1:g},{box.y1:g},{box.x2:g},{box.y2:g} holds the centre "
            f"of no pixel of the {hw[1]}x{hw[0]} frame",
            hint="draw it around the object; rings that cover each other cancel out",
        )
    return Mask(mask)


def joined_rings(prompts: Iterable[Prompt]) -> tuple[Prompt, ...]:
    """The prompts, the polygons of one object on one frame as one with all their rings, in the
    place of the first.
    """
    joined: list[Prompt] = []
    places: dict[tuple[int | None, Timecode], int] = {}
    for prompt in prompts:
        if not isinstance(prompt.value, Polygon):
            joined.append(prompt)
            continue
        place = places.setdefault((prompt.object_id, prompt.at), len(joined))
        if place == len(joined):
            joined.append(prompt)
            continue
        first = joined[place].value
        assert isinstance(first, Polygon)
        both = Polygon([*first.rings, *prompt.value.rings])
        joined[place] = replace(joined[place], value=both)
    return tuple(joined)
