"""Pixels that two masks share go to one of them, or to both where both stand."""

from itertools import combinations

import numpy as np
import pytest

from vseg.ops.shared_pixels import STANDS, ClaimedMask, losses
from vseg.types import MaskCrop


def claim(
    obj: int, x: int, width: int, rank: int = 0, logit: float | None = None
) -> ClaimedMask:
    crop = MaskCrop(x, 0, np.ones((2, width), dtype=bool))
    if logit is None:
        return ClaimedMask(obj, crop, rank)
    return ClaimedMask(obj, crop, rank, lambda: np.full((2, 20), logit, dtype=np.float32))


def left(*claims: ClaimedMask) -> list[int]:
    """How many pixels each keeps."""
    lost = losses(combinations(claims, 2))
    return [one.crop.without(lost.get(one.object_id, ())).area for one in claims]


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [
        (claim(1, 0, 6), claim(2, 4, 10), [12, 16]),  # the smaller one
        (claim(1, 0, 6, logit=1.0), claim(2, 4, 10, logit=2.0), [8, 20]),
        (claim(1, 0, 6, logit=1.0), claim(2, 4, 10), [12, 16]),
        (claim(1, 0, 6, 0), claim(2, 4, 10, 1), [8, 20]),
        (claim(1, 0, 6, STANDS), claim(2, 4, 10, STANDS), [12, 20]),
        (claim(1, 0, 3), claim(2, 4, 10), [6, 20]),
    ],
)
def test_two_masks(one: ClaimedMask, other: ClaimedMask, kept: list[int]) -> None:
    assert left(one, other) == kept
    assert left(other, one) == kept[::-1]


def test_of_three_the_largest_logit_has_what_all_share() -> None:
    claims = [claim(i, 0, 5, logit=float(i % 3)) for i in (1, 2, 3)]
    assert left(*claims) == [0, 10, 0]
