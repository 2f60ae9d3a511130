"""What a mask keeps when one more mark is given."""

import numpy as np
import torch
from torch import Tensor

from vseg.session.kept_parts import with_kept_parts
from vseg.types import Points, VisualPrompt

HW = (96, 128)  # cells of 4 pixels: 24 x 32
HEAD = np.s_[2:8, 4:10]
FOOT = np.s_[16:22, 4:10]


def logits(*parts: tuple[slice, slice]) -> Tensor:
    rows = torch.full((1, 24, 32), -5.0)
    for part in parts:
        rows[0][part] = 5.0
    return rows


def mark(cell_x: int, cell_y: int, *, positive: bool) -> Points:
    xy = np.array([[4 * cell_x + 2, 4 * cell_y + 2]], dtype=np.float32)
    return Points(xy, np.array([positive]))


ON = mark(6, 5, positive=True)
OFF = mark(6, 18, positive=False)


def kept(after: Tensor, *marks: VisualPrompt) -> Tensor:
    return with_kept_parts(after, logits(HEAD, FOOT), [marks], HW)


def test_a_positive_mark_takes_nothing_away() -> None:
    assert torch.equal(kept(logits(FOOT), ON, OFF, ON), logits(HEAD, FOOT))


def test_a_negative_mark_takes_away_what_it_is_on_alone() -> None:
    nothing = logits()
    assert torch.equal(kept(nothing, ON, ON, OFF), logits(HEAD))


def test_a_negative_mark_takes_nothing_that_is_nearer_to_a_positive_one() -> None:
    beside = mark(11, 5, positive=False)
    taken = with_kept_parts(logits(), logits(np.s_[2:8, 4:13]), [[ON, ON, beside]], HW)
    assert torch.equal(taken, logits(np.s_[2:8, 4:9]))


def test_a_negative_mark_adds_nothing() -> None:
    elsewhere = np.s_[4:8, 20:26]
    assert torch.equal(kept(logits(HEAD, elsewhere), ON, ON, OFF), logits(HEAD))


def test_what_a_positive_mark_adds_stays() -> None:
    after = logits(HEAD, FOOT, np.s_[4:8, 20:26])
    assert kept(after, ON, OFF, mark(22, 6, positive=True)) is after


def test_a_positive_mark_adds_nothing_that_is_nearer_to_a_negative_one() -> None:
    after = logits(HEAD, FOOT, np.s_[4:8, 20:26])
    beside = mark(29, 6, positive=False)
    added = kept(after, ON, beside, mark(17, 6, positive=True))
    assert torch.equal(added, logits(HEAD, FOOT, np.s_[4:8, 20:24]))


def test_the_second_mark_may_still_mean_another_object() -> None:
    after = logits(FOOT)
    assert kept(after, ON, ON) is after
