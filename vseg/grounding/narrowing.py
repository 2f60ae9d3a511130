"""Which of the candidates for a noun a phrase means.

Enters: a query, the candidates' masks, the image.  Leaves: which of them are meant.  Colour
and motion are attributes of an object itself, and so are the halves of the frame in "cars on
the left"; the largest, and the leftmost in "the car on the left", are chosen among those that
have them.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8

from vseg.grounding.attributes import (
    colour_shares,
    in_places,
    is_coloured,
    of_size,
    place_costs,
)
from vseg.grounding.frame_motion import FrameMotion, is_moving
from vseg.grounding.vocabulary import WordQuery
from vseg.types import MaskCrop


def fitting(
    query: WordQuery,
    crops: Sequence[MaskCrop],
    image: UInt8[np.ndarray, "H W 3"],
    motion: FrameMotion | None,
) -> Bool[np.ndarray, " N"]:
    """Which masks have the attributes that the query asks for; without motion nothing moves or
    is still.
    """
    fits = np.ones(len(crops), dtype=bool)
    for k, crop in enumerate(crops):
        if query.colours:
            shares = colour_shares(image, crop)
            fits[k] &= any(is_coloured(shares, colour) for colour in query.colours)
        if query.motion is not None:
            wanted = query.motion == "moving"
            fits[k] &= motion is not None and is_moving(motion, crop) == wanted
    if query.places and not _picks_place(query) and crops:
        fits &= in_places(crops, query.places, image.shape[:2])
    return fits


def meant(
    query: WordQuery,
    crops: Sequence[MaskCrop],
    scores: Float64[np.ndarray, " N"],
    hw: tuple[int, int],
) -> Int64[np.ndarray, " M"]:
    """Which of the fitting masks are meant: all of them, those of a size, or exactly one."""
    if not crops:
        return np.zeros(0, dtype=np.int64)
    areas = np.array([crop.area for crop in crops], np.float64)
    if query.one:
        cost = -scores
        if query.size is not None:
            cost = -areas if query.size == "largest" else areas
        elif query.places:
            cost = place_costs(crops, query.places, hw).sum(axis=1)
        return np.array([int(cost.argmin())], np.int64)
    sized = of_size(areas, query.size) if query.size else np.ones(len(crops), dtype=bool)
    return np.flatnonzero(sized)


def _picks_place(query: WordQuery) -> bool:
    """Whether the place chooses one object, rather than bounding where objects are."""
    return query.one and query.size is None
