"""Masks with logits on finer cells than the frame's."""

import numpy as np
import torch

from vseg.frame_masks import NO_FINE_MASKS, FineMasks
from vseg.models.nano.model import Nano
from vseg.prompts.simulate import innermost_click
from vseg.session.fine_masks import own_fine_masks, with_fine_masks, with_given_masks
from vseg.session.session import Session
from vseg.synthetic import SyntheticVideo
from vseg.tensors import Decoded
from vseg.types import MaskCrop

HW = (16, 32)


def decoded(*fine: torch.Tensor | None) -> Decoded:
    """Coarse masks of nothing, and finer ones."""
    rows = len(fine)
    ones = torch.ones(rows)
    return Decoded(
        torch.full((rows, 4, 8), -2.0), ones, ones, torch.zeros(rows, 64), fine=fine
    )


def columns(first: int, last: int) -> torch.Tensor:
    """The logits of columns on cells of one pixel."""
    logits = torch.full(HW, -2.0)
    logits[:, first:last] = 2.0
    return logits


def competing(*, compete: bool) -> np.ndarray:
    return np.array([[False, compete], [compete, False]])


def test_what_is_thinner_than_a_cell_is_kept() -> None:
    masks = own_fine_masks([5], decoded(columns(3, 4)), HW).masks
    assert masks[5].xyxy == (3, 0, 4, 16)


def test_competitors_share_no_pixel_and_others_may() -> None:
    before = decoded(columns(3, 10), columns(8, 20))
    for compete, start in ((True, 10), (False, 8)):
        fine = with_fine_masks(
            NO_FINE_MASKS, [1, 2], before, before, competing(compete=compete), HW
        )
        assert fine.masks[1].xyxy == (3, 0, 10, 16)
        assert fine.masks[2].xyxy == (start, 0, 20, 16)


def test_a_given_mask_keeps_its_pixels() -> None:
    given = np.zeros(HW, dtype=bool)
    given[:, 8:20] = True
    fine = own_fine_masks([1], decoded(columns(3, 10)), HW)
    for compete, end in ((True, 8), (False, 10)):
        both = with_given_masks(fine, {2: given}, [1, 2], competing(compete=compete))
        assert both.masks[1].xyxy == (3, 0, end, 16)
        assert both.masks[2].xyxy == (8, 0, 20, 16)


def test_what_identities_take_away_is_taken_from_the_fine_mask() -> None:
    before = decoded(columns(3, 20), None)
    after = decoded(None, None)
    after.logits[0, :, 4:] -= 6.0  # the right half goes to another
    after.presence[1] = 0.0
    fine = with_fine_masks(NO_FINE_MASKS, [1, 2], before, after, competing(compete=True), HW)
    left, _, right, _ = fine.masks[1].xyxy
    assert left == 3 and 14 <= right <= 17
    assert list(fine.masks) == [1] and fine.competitors[1] == []


def test_an_object_that_is_absent_has_none_and_small_ones_stay() -> None:
    before = decoded(columns(3, 20), columns(5, 9))
    after = decoded(None, None)
    after.presence[0] = 0.0
    small = FineMasks({2: MaskCrop.of(columns(6, 7).numpy() > 0)}, {2: []})
    fine = with_fine_masks(small, [1, 2], before, after, competing(compete=True), HW)
    assert list(fine.masks) == [2] and fine.masks[2].xyxy == (6, 0, 7, 16)


def test_rows_keep_their_fine_logits() -> None:
    stacked = Decoded.stack([decoded(None), decoded(columns(3, 4))])
    assert stacked.fine[0] is None and stacked.row(1).fine[0] is stacked.fine[1]
    assert Decoded.stack([decoded(None).row(0)]).fine == (None,)


def test_a_clicked_mask_is_the_same_when_it_is_propagated(
    model: Nano, scene: SyntheticVideo
) -> None:
    click = innermost_click(scene.draw(0).labels == 1)
    with Session(model, scene) as session:
        clicked = session.prompt(1, 0, [click])[1]
        tracked = next(iter(session.propagate()))[1]
    assert clicked.any() and (clicked == tracked).all()
