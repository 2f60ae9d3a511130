"""Windows in which nano's masks are refined, for every step between their sizes."""

import numpy as np
import pytest
import torch

from vseg.models.nano.network import NanoNet
from vseg.models.nano.object_decoder import CoarseDecoded, Encoded, refined_in_windows
from vseg.models.nano.windows import windows_around

HW = (24, 43)
STEPS = (4, 8)


def cells_of(rows: slice, columns: slice) -> np.ndarray:
    cells = np.zeros(HW, dtype=bool)
    cells[rows, columns] = True
    return cells


@pytest.mark.parametrize("step", STEPS)
def test_a_window_is_the_smallest_of_its_sizes(step: int) -> None:
    maybe = np.stack(
        [
            cells_of(slice(9, 12), slice(0, 5)),  # at the edge
            cells_of(slice(0, 24), slice(20, 21)),
            cells_of(slice(2, 22), slice(2, 40)),  # nearly all
            cells_of(slice(0, 0), slice(0, 0)),
        ]
    )
    places = windows_around(maybe, step)
    first, second, third, fourth = places
    assert first is not None and second is not None and third is not None
    # The margin is of two cells on both sides.
    assert (first.height, first.width) == (8, 12 if step == 4 else 16)
    assert (first.left, second.top, second.height, second.width) == (0, 0, 24, 8)
    assert (third.height, third.width) == HW and fourth is None
    for cells, place in zip(maybe, places, strict=True):
        outside = cells.copy()
        if place is not None:
            outside[place.slices(1)] = False
        assert not outside.any()


@pytest.mark.parametrize("step", STEPS)
@torch.inference_mode()
def test_a_mask_in_its_window_is_that_of_the_whole_map(step: int) -> None:
    torch.manual_seed(3)
    h, w = HW
    net = NanoNet().eval()
    frame = Encoded(
        torch.rand(1, 64, h, w),
        torch.rand(1, 32, 2 * h, 2 * w),
        torch.rand(1, 64, h, w),
        torch.rand(1, 32, 2 * h, 2 * w),
        torch.rand(1, 16, 4 * h, 4 * w),
    )
    coarse = torch.full((2, 1, h, w), -9.0)
    coarse[0, 0, 5:9, 10:13] = 1.0
    prior = torch.rand(2, 3, 4 * h, 4 * w) - 1
    # One pixel of the mask as it was, one of the mask as it moved.
    prior[1, 0, 40, 80] = 0.5
    prior[1, 1, 59, 99] = 0.5
    found = CoarseDecoded(torch.rand(2, 64, h, w), torch.rand(2, 64), coarse)
    logits = refined_in_windows(net.decoder.refine, found, frame, prior, step)
    whole = net.decoder.refine(found.x, frame.skip8, frame.skip4, prior)
    for row, top, bottom, left, right in ((0, 5, 9, 10, 13), (1, 10, 15, 20, 25)):
        place = np.s_[row, 0, 4 * top : 4 * bottom, 4 * left : 4 * right]
        torch.testing.assert_close(logits[place], whole[place], atol=1e-4, rtol=1e-4)
    # Far from both, the coarse logits stand.
    assert (logits[:, :, -8:, :8] == -9).all()
