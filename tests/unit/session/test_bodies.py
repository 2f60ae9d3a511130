"""A body that is apart from others belongs to one of several look-alikes."""

import numpy as np
import pytest

from vseg.session.identity.bodies import one_body_each
from vseg.session.identity.frame_objects import FrameObjects
from vseg.session.identity.merges import Merges

HW = (40, 100)


def box(x1: int, x2: int, height: int = 20) -> np.ndarray:
    mask = np.zeros(HW, dtype=bool)
    mask[10 : 10 + height, x1:x2] = True
    return mask


def frame(
    masks: dict[int, np.ndarray], similar: bool = True, prompted: frozenset[int] = frozenset()
) -> FrameObjects:
    logits = np.where(np.any(list(masks.values()), axis=0), 4.0, -8.0).astype(np.float32)
    grey = np.zeros((2 * HW[0], 2 * HW[1]), dtype=np.uint8)
    return FrameObjects(
        0, masks, lambda ids: logits, grey, prompted, *[lambda one, other: similar] * 3
    )


# Two bodies, at 10 to 30 and at 60 to 80; 2 kept most of the body of 1 when they parted.
PARTED = {1: box(10, 18), 2: box(18, 30) | box(60, 80)}


def test_who_parts_keeps_no_piece_of_the_others_body() -> None:
    (group,) = Merges().divide(frame(PARTED))
    np.testing.assert_array_equal(group[1], box(10, 30))
    np.testing.assert_array_equal(group[2], box(60, 80))


def test_pieces_go_both_ways() -> None:
    changed = one_body_each(
        frame({1: box(10, 22) | box(60, 64), 2: box(22, 30) | box(64, 80)})
    )
    np.testing.assert_array_equal(changed[1], box(10, 30))
    np.testing.assert_array_equal(changed[2], box(60, 80))


@pytest.mark.parametrize(
    ("masks", "similar", "prompted"),
    [
        (PARTED, False, frozenset()),
        (PARTED, True, frozenset({1})),
        (PARTED, True, frozenset({2})),
        # One that is behind the other on both sides of it, and one behind a pole.
        ({1: box(30, 50), 2: box(10, 30) | box(50, 60)}, True, frozenset()),
        ({1: box(10, 18), 2: box(18, 30) | box(34, 54)}, True, frozenset()),
        # A body so large that it is two, of which one is the one that reaches out.
        ({1: box(10, 30), 2: box(30, 48) | box(60, 80)}, True, frozenset()),
        # Nobody is mostly on the first body.
        ({1: box(10, 18) | box(60, 70), 2: box(18, 30) | box(70, 90)}, True, frozenset()),
    ],
    ids=["unlike", "prompted", "by prompt", "behind", "near", "several", "nobody's"],
)
def test_what_is_no_piece_of_a_single_body_stays(
    masks: dict[int, np.ndarray], similar: bool, prompted: frozenset[int]
) -> None:
    assert one_body_each(frame(masks, similar, prompted)) == {}
