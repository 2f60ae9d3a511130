"""Local matching by strips gives what its definition says, for frames of any size."""

import pytest
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vseg.models.nano.local_matching import RADIUS, SPAN, LocalMatching


@pytest.fixture
def matching() -> LocalMatching:
    torch.manual_seed(0)
    matching = LocalMatching()
    torch.nn.init.normal_(matching.bias, std=2.0)
    return matching.requires_grad_(False)


def _keys(pairs: int, h: int, w: int) -> tuple[Tensor, Tensor]:
    first = torch.randn(pairs, 32, h, w)
    second = first.roll(2, 3) + torch.randn_like(first) / 2
    return F.normalize(first, dim=1), F.normalize(second, dim=1)


def _by_definition(
    matching: LocalMatching,
    key: Float[Tensor, "K h w"],
    before: Float[Tensor, "K h w"],
    mask: Float[Tensor, "h w"],
) -> Float[Tensor, "h w"]:
    moved = torch.zeros_like(mask)
    before = F.pad(before, (RADIUS,) * 4)
    mask = F.pad(mask, (RADIUS,) * 4)
    for y in range(moved.shape[0]):
        for x in range(moved.shape[1]):
            window = (slice(y, y + SPAN), slice(x, x + SPAN))
            cosines = torch.einsum("k,kde->de", key[:, y, x], before[:, *window])
            scores = matching.temperature * cosines + matching.bias
            weights = scores.flatten().softmax(0).view(SPAN, SPAN)
            moved[y, x] = (weights * mask[window]).sum()
    return moved


@pytest.mark.parametrize("hw", [(5, 3), (2, 8), (6, 17)])
def test_masks_move_as_the_definition_says(
    matching: LocalMatching, hw: tuple[int, int]
) -> None:
    key, before = _keys(1, *hw)
    masks = torch.randn(3, *hw)

    moved = matching(key, before, masks)

    expected = [_by_definition(matching, key[0], before[0], mask) for mask in masks]
    torch.testing.assert_close(moved, torch.stack(expected), rtol=0, atol=1e-5)


def test_each_mask_moves_with_the_frames_that_it_belongs_to(matching: LocalMatching) -> None:
    key, before = _keys(3, 4, 9)
    masks = torch.randn(4, 4, 9)
    owner = torch.tensor([2, 0, 2, 1])

    moved = matching(key, before, masks, owner)

    for row, pair in enumerate(owner.tolist()):
        alone = matching(key[pair, None], before[pair, None], masks[row, None])
        torch.testing.assert_close(moved[row], alone[0], rtol=0, atol=1e-5)


def test_opposite_keys_at_the_highest_temperature_leave_no_gap(
    matching: LocalMatching,
) -> None:
    """The weights of a cell that resembles nothing around it are tiny, and still weights."""
    matching.log_temperature.fill_(9.0)
    key, _ = _keys(1, 20, 20)
    same = key[..., :1, :1].expand(-1, -1, 20, 20).contiguous()

    moved = matching(same, -same, torch.ones(1, 20, 20))

    torch.testing.assert_close(moved[0, 6:-6, 6:-6], torch.ones(8, 8), rtol=0, atol=1e-5)
