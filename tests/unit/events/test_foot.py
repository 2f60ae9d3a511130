"""Where an object stands: the lowest part of its mask, and not what sticks to it."""

import numpy as np

from vseg.events.foot import foot_of, sure_foot_of
from vseg.types import MaskCrop


def mask_of(*boxes: tuple[int, int, int, int]) -> MaskCrop:
    mask = np.zeros((100, 160), dtype=bool)
    for x1, y1, x2, y2 in boxes:
        mask[y1:y2, x1:x2] = True
    return MaskCrop.of(mask)


def test_the_foot_is_between_two_legs() -> None:
    body = mask_of((40, 10, 60, 50), (40, 50, 46, 80), (54, 50, 60, 80))
    assert foot_of(body) == sure_foot_of(body, None) == (49.5, 79.0)


def test_an_arm_or_a_bag_does_not_move_the_foot_where_it_moves_the_box() -> None:
    body = mask_of((40, 10, 60, 80), (60, 20, 100, 26))
    assert foot_of(body) == (49.5, 79.0)


def test_a_piece_that_is_elsewhere_is_no_foot() -> None:
    body = (40, 10, 60, 80)
    aside = mask_of(body, (120, 78, 128, 90))
    assert foot_of(aside)[0] > 100
    assert sure_foot_of(aside, None) == sure_foot_of(aside, (50.0, 79.0)) == (49.5, 79.0)
    below = mask_of(body, (46, 96, 54, 99))
    assert sure_foot_of(below, (49.5, 79.0)) == (49.5, 79.0)


def test_a_leg_to_the_side_is_a_foot() -> None:
    kick = mask_of((40, 10, 60, 60), (58, 50, 90, 70))
    assert sure_foot_of(kick, (80.0, 69.0)) == foot_of(kick)


def test_a_wheel_beside_a_nearer_car_is_not_where_a_car_stands() -> None:
    far = mask_of((20, 20, 100, 50), (24, 50, 36, 60))  # its other wheel is covered
    near = mask_of((60, 50, 150, 90))
    assert foot_of(far)[0] < 35
    assert sure_foot_of(far, None, [far, near]) == (59.5, 59.0)
    # What reaches less low is behind, and covers nothing.
    assert sure_foot_of(far, None, [far, mask_of((60, 10, 150, 55))]) == foot_of(far)
    aside = mask_of((110, 50, 150, 90))
    assert sure_foot_of(far, None, [far, aside]) == foot_of(far)
