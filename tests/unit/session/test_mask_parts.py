"""Parts of masks: which of them belong to an object."""

import numpy as np
import pytest
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.session.mask_parts import (
    motion_evidence,
    own_evidence,
    prompt_evidence,
    without_stray_parts,
)
from vseg.types import Box, Mask, Points, Scribble, VisualPrompt

SIZE = (40, 60)
VIDEO = (160, 240)  # cells of four pixels
NEAR = (slice(5, 15), slice(5, 15))
FAR = (slice(5, 15), slice(40, 50))


def logits_of(*parts: tuple[slice, slice]) -> Float[Tensor, "40 60"]:
    """A mask with these parts, in cells."""
    logits = torch.full(SIZE, -3.0)
    for rows, columns in parts:
        logits[rows, columns] = 3.0
    return logits


def kept(logits: Float[Tensor, "h w"], *prompts: VisualPrompt) -> Bool[np.ndarray, "h w"]:
    """The mask without parts that prompts do not mean."""
    evidence = prompt_evidence(prompts, VIDEO, SIZE)
    return (without_stray_parts(logits[None], [evidence])[0] > 0).numpy()


def test_a_click_means_the_part_it_is_on() -> None:
    both = logits_of(NEAR, FAR)
    mask = kept(both, Points([(180, 40)]))
    assert mask[FAR].all() and not mask[NEAR].any()


def test_a_click_on_every_part_keeps_both() -> None:
    both = logits_of(NEAR, FAR)
    assert np.array_equal(kept(both, Points([(180, 40), (40, 40)])), (both > 0).numpy())


def test_a_negative_click_keeps_no_part() -> None:
    mask = kept(logits_of(NEAR, FAR), Points([(180, 40), (40, 40)], [1, 0]))
    assert not mask[NEAR].any()


def test_a_scribble_keeps_the_parts_it_runs_through() -> None:
    third = (slice(30, 38), slice(5, 15))
    mask = kept(logits_of(NEAR, FAR, third), Scribble([(30, 40), (190, 40)]))
    assert mask[NEAR].all() and mask[FAR].all() and not mask[third].any()


@pytest.mark.parametrize(("x2", "stays"), [(150, False), (192, True), (240, True)])
def test_a_box_keeps_what_lies_mostly_inside(x2: int, stays: bool) -> None:
    mask = kept(logits_of(NEAR, FAR), Box(8, 8, x2, 70))
    assert mask[NEAR].all()
    assert mask[FAR].any() == stays


def test_a_mask_says_itself_which_parts_there_are() -> None:
    both = logits_of(NEAR, FAR)
    given = np.zeros(VIDEO, bool)
    given[30:40, 30:40] = True
    assert prompt_evidence([Mask(given)], VIDEO, SIZE) is None
    assert without_stray_parts(both[None], [None])[0].equal(both)


def test_a_correction_keeps_what_it_corrects() -> None:
    both = logits_of(NEAR, FAR)
    evidence = prompt_evidence([Points([(180, 40)])], VIDEO, SIZE, prior=logits_of(NEAR))
    assert without_stray_parts(both[None], [evidence])[0].equal(both)


@pytest.mark.parametrize(("gap", "stays"), [(3, True), (7, True), (8, False)])
def test_a_part_may_appear_near_the_last_mask(gap: int, stays: bool) -> None:
    new = (slice(5, 15), slice(15 + gap, 22 + gap))
    evidence = motion_evidence(logits_of(NEAR))
    mask = without_stray_parts(logits_of(NEAR, new)[None], [evidence])[0] > 0
    assert mask[NEAR].all()
    assert bool(mask[new].any()) == stays


def test_an_object_in_pieces_stays_whole() -> None:
    pieces = logits_of(NEAR, FAR)
    moved = logits_of((slice(8, 18), slice(8, 18)), (slice(8, 18), slice(43, 53)))
    assert without_stray_parts(moved[None], [motion_evidence(pieces)])[0].equal(moved)


def test_an_object_that_moved_farther_than_expected_is_not_lost() -> None:
    there = logits_of((slice(5, 15), slice(40, 45)), (slice(5, 15), slice(50, 55)))
    evidence = motion_evidence(logits_of((slice(5, 15), slice(0, 10))))
    assert without_stray_parts(there[None], [evidence])[0].equal(there)


@pytest.mark.parametrize(("gap", "stays"), [(7, True), (8, False)])
def test_what_comes_back_is_its_largest_part_and_what_is_near(gap: int, stays: bool) -> None:
    small = (slice(5, 12), slice(15 + gap, 22 + gap))
    back = logits_of(NEAR, small)
    mask = without_stray_parts(back[None], [own_evidence(back)])[0] > 0
    assert mask[NEAR].all()
    assert bool(mask[small].any()) == stays
    assert own_evidence(torch.full(SIZE, -1.0)) is None


def test_no_evidence_leaves_every_part() -> None:
    both = logits_of(NEAR, FAR)
    assert motion_evidence(None) is None
    assert motion_evidence(torch.full(SIZE, -1.0)) is None
    assert without_stray_parts(both[None], [None])[0].equal(both)


def test_only_the_row_with_a_stray_part_changes() -> None:
    both = logits_of(NEAR, FAR)
    rows = torch.stack([both, both])
    kept_rows = without_stray_parts(rows, [motion_evidence(logits_of(NEAR)), None])
    assert kept_rows[1].equal(both)
    assert not kept_rows[0].equal(both)
    assert rows[0].equal(both)  # the input is not changed


@pytest.mark.parametrize(("columns", "stays"), [(16, False), (30, True)])
def test_a_far_part_that_outweighs_the_near_one_stays(columns: int, stays: bool) -> None:
    near = (slice(5, 15), slice(2, 10))
    far = (slice(5, 15), slice(25, 25 + columns))
    evidence = motion_evidence(logits_of(near))
    mask = without_stray_parts(logits_of(near, far)[None], [evidence])[0] > 0
    assert mask[near].all()
    assert mask[far].any() == stays
