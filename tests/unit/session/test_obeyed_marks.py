"""A point that the mask does not obey moves it, there and on what has its colour nearby."""

import numpy as np
import pytest
import torch
from torch import Tensor

from vseg.session.obeyed_marks import with_obeyed_marks
from vseg.types import Points

HW = (24, 32)  # cells; of 4 pixels each
LEFT = slice(0, 12)


def image() -> np.ndarray:
    """Dark, but for a bright square on the right: cells 8 to 15 by 18 to 27."""
    pixels = np.zeros((4 * HW[0], 4 * HW[1], 3), dtype=np.uint8)
    pixels[32:64, 72:112] = 255
    return pixels


def logits() -> Tensor:
    """The left is the object."""
    rows = torch.full((1, *HW), -6.0)
    rows[:, :, LEFT] = 6.0
    return rows


def click(cell_x: int, cell_y: int, *, positive: bool) -> Points:
    xy = np.array([[4 * cell_x + 2, 4 * cell_y + 2]], dtype=np.float32)
    return Points(xy, np.array([positive]))


def test_a_missed_click_takes_what_has_its_colour() -> None:
    mask = with_obeyed_marks(logits(), [[click(22, 11, positive=True)]], image())[0] > 0
    assert mask[11, 22]
    assert int(mask[8:16, 18:28].sum()) >= 20
    outside = mask.clone()
    outside[8:16, 18:28] = False
    assert torch.equal(outside, logits()[0] > 0)


def test_a_click_beside_the_object_takes_it_away() -> None:
    before = logits()
    mask = with_obeyed_marks(before, [[click(5, 12, positive=False)]], image())[0] > 0
    assert not mask[12, 5]
    assert not bool((mask & ~(before[0] > 0)).any())


@pytest.mark.parametrize("apart", [1, 2, 5])
def test_every_mark_is_obeyed_beside_opposite_ones(apart: int) -> None:
    marks = [click(22, 11, positive=True), click(22 - apart, 11, positive=False)]
    mask = with_obeyed_marks(logits(), [marks], image())[0] > 0
    assert mask[11, 22]
    assert not mask[11, 22 - apart]


def test_contradictory_marks_on_one_cell_change_nothing_elsewhere() -> None:
    marks = [click(22, 11, positive=True), click(22, 11, positive=False)]
    obeyed = with_obeyed_marks(logits(), [marks], image())
    assert bool(obeyed.isfinite().all())
    assert torch.equal((obeyed > 0)[:, :, LEFT], (logits() > 0)[:, :, LEFT])


def test_clear_marks_leave_the_logits_as_they_are() -> None:
    before = logits()
    marks = [click(5, 12, positive=True), click(25, 3, positive=False)]
    assert with_obeyed_marks(before, [marks], image()) is before


def test_objects_are_corrected_apart() -> None:
    two = torch.cat([logits(), logits()])
    both = with_obeyed_marks(two, [[click(22, 11, positive=True)], []], image())
    alone = with_obeyed_marks(logits(), [[click(22, 11, positive=True)]], image())
    assert torch.equal(both[:1], alone)
    assert torch.equal(both[1:], logits())
