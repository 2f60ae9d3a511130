"""Comparisons of masks do not depend on place and size, and count what lies beside a mask."""

import numpy as np
import pytest

from vseg.analysis.mask_shapes import (
    centroid,
    gap_to,
    outside_largest_piece,
    shape_difference,
    touched_outline,
)
from vseg.types import MaskCrop


def disk(radius: int, x: int, y: int, size: int = 200) -> MaskCrop:
    rows, columns = np.mgrid[:size, :size]
    return MaskCrop.of((columns - x) ** 2 + (rows - y) ** 2 <= radius**2)


def box(x: int, y: int, width: int, height: int) -> MaskCrop:
    return MaskCrop(x, y, np.ones((height, width), dtype=bool))


def test_a_shape_is_the_same_elsewhere_and_at_another_size() -> None:
    assert shape_difference(disk(20, 60, 60), disk(20, 130, 90)) == 0
    assert shape_difference(disk(15, 60, 60), disk(45, 100, 100)) < 0.1
    assert shape_difference(box(0, 0, 4, 4), box(50, 50, 80, 80)) < 0.05


def test_another_shape_differs() -> None:
    assert shape_difference(box(0, 0, 40, 40), box(0, 0, 160, 10)) > 0.6
    assert 0 < shape_difference(disk(20, 60, 60), box(0, 0, 40, 40)) < 0.3


def test_the_centroid_is_in_frame_coordinates() -> None:
    assert centroid(box(10, 20, 5, 3)).tolist() == [12, 21]


def test_pieces_beside_the_largest_are_counted() -> None:
    mask = np.zeros((20, 40), dtype=bool)
    mask[:10, :10] = True
    assert outside_largest_piece(MaskCrop.of(mask)) == 0
    mask[10:, 30:] = True
    assert outside_largest_piece(MaskCrop.of(mask)) == pytest.approx(0.5)


def test_the_outline_beside_another_mask_is_counted() -> None:
    mine = box(10, 10, 10, 10)
    assert touched_outline(mine, [box(40, 10, 10, 10)]) == 0
    # One side of four, and the two pixels around each of its corners.
    assert touched_outline(mine, [box(20, 10, 10, 10)]) == pytest.approx(12 / 36)
    assert touched_outline(mine, [box(30, 30, 5, 5), box(20, 10, 10, 10)]) == pytest.approx(
        12 / 36
    )
    assert touched_outline(mine, [box(8, 8, 14, 14)]) == 1


def test_gaps_are_between_boxes() -> None:
    assert gap_to(box(0, 0, 10, 10), box(13, 14, 5, 5)) == 5
    assert gap_to(box(0, 0, 10, 10), box(5, 5, 10, 10)) == 0
