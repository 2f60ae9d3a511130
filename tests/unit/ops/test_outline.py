"""Outlines give back the masks they were made from."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from vseg.ops.masks import mask_iou
from vseg.ops.outline import SIMPLE, area_of, mask_of_rings, outlines, polygons_of
from vseg.ops.polygon import rasterise
from vseg.types import MaskCrop

MASKS = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12))


@given(mask=MASKS)
def test_all_rings_together_are_the_mask(mask: np.ndarray) -> None:
    found = np.zeros_like(mask)
    for ring, _ in outlines(mask):
        found ^= rasterise(ring, *mask.shape)
    np.testing.assert_array_equal(found, mask)


@given(mask=MASKS, x=st.integers(0, 5), y=st.integers(0, 5))
def test_outer_rings_are_the_mask_without_its_holes(mask: np.ndarray, x: int, y: int) -> None:
    crop = MaskCrop.of(mask)
    moved = MaskCrop(crop.x + x, crop.y + y, crop.mask)
    filled = mask_of_rings(polygons_of(moved), 20, 20).paste(20, 20)
    assert (filled | moved.paste(20, 20) == filled).all()
    holes = any(hole for _, hole in outlines(crop.mask))
    assert holes == (filled.sum() > mask.sum())


def test_the_largest_ring_comes_first() -> None:
    mask = np.zeros((20, 20), dtype=bool)
    mask[1:3, 1:3] = True
    mask[8:18, 8:18] = True
    first, second = polygons_of(MaskCrop.of(mask))
    assert abs(area_of(first)) == 100 and abs(area_of(second)) == 4


def test_simple_outlines_stay_close_and_have_few_corners() -> None:
    y, x = np.mgrid[:120, :120]
    mask = (x - 60) ** 2 / 50**2 + (y - 60) ** 2 / 30**2 < 1
    crop = MaskCrop.of(mask)
    (exact,) = polygons_of(crop)
    (simple,) = polygons_of(crop, SIMPLE)
    assert len(simple) < len(exact) / 3
    assert mask_iou(mask_of_rings([simple], 120, 120).paste(120, 120), mask) > 0.97


def test_the_smallest_masks_keep_an_inside() -> None:
    for shape in ((1, 1), (1, 9), (2, 1), (9, 1), (2, 2)):
        crop = MaskCrop(3, 4, np.ones(shape, dtype=bool))
        assert mask_of_rings(polygons_of(crop, SIMPLE), 20, 20).area == shape[0] * shape[1]
