"""What crosses the edge of a crop: pixels, prompts and logits, there and back."""

import numpy as np
import pytest
import torch

from vseg.session.crops.view import CropView, pasted, resampled
from vseg.tensors import CERTAIN_LOGIT
from vseg.types import Box, Frame, Mask, MaskCrop, Points, Scribble

HW = (60, 90)


def frame() -> Frame:
    rng = np.random.default_rng(0)
    return Frame(3, None, 0.1, rng.integers(0, 255, (*HW, 3), dtype=np.uint8))


def test_a_crop_is_a_frame_of_its_own() -> None:
    inside = CropView(10, 20, 16, 16).frame(frame())
    np.testing.assert_array_equal(inside.image, frame().image[20:36, 10:26])
    assert inside.index == 3


@pytest.mark.parametrize(("x", "y"), [(-10, -4), (80, 50), (200, 200), (-100, 5)])
def test_beyond_the_frame_is_one_colour(x: int, y: int) -> None:
    shown = CropView(x, y, 16, 16).frame(frame()).image
    assert shown.shape == (16, 16, 3)
    for row in range(16):
        for column in range(16):
            there = (y + row, x + column)
            if 0 <= there[0] < HW[0] and 0 <= there[1] < HW[1]:
                np.testing.assert_array_equal(shown[row, column], frame().image[there])
            else:
                assert tuple(shown[row, column]) == (124, 116, 104)


def test_prompts_are_shifted_and_points_elsewhere_left_out() -> None:
    mask = np.zeros(HW, dtype=bool)
    mask[22:25, 12:14] = True
    view = CropView(10, 20, 16, 16)
    points, box, scribble, masked = view.prompts(
        [
            Points([[12, 23], [50, 50]], [True, False]),
            Box(11, 21, 15, 26),
            Scribble([[12, 23], [13, 24]]),
            Mask(mask),
            Points([[80, 3]]),
        ]
    )
    assert isinstance(points, Points) and points.xy.tolist() == [[2, 3]]
    assert box == Box(1, 1, 5, 6)
    assert isinstance(scribble, Scribble) and scribble.xy.tolist() == [[2, 3], [3, 4]]
    assert isinstance(masked, Mask)
    np.testing.assert_array_equal(masked.mask, mask[20:36, 10:26])


def test_a_mask_comes_back_to_its_place_and_ends_at_the_edge() -> None:
    view = CropView(80, 50, 16, 16)
    logits = torch.full((16, 16), -5.0)
    logits[4:8, 6:16] = 5.0
    expected = np.zeros(HW, dtype=bool)
    expected[54:58, 86:] = True
    np.testing.assert_array_equal(view.mask(logits, HW).paste(*HW), expected)
    beyond = view.within(logits, HW)
    assert (beyond[:, 10:] == -CERTAIN_LOGIT).all()
    assert torch.equal(beyond[:10, :10], logits[:10, :10])


def test_logits_stay_the_same_on_the_same_cells() -> None:
    view = CropView(4, 8, 32, 32)
    logits = torch.randn(8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(resampled(logits, view, view, (8, 8)), logits)


def test_logits_of_larger_cells_are_means_and_of_none_background() -> None:
    whole = CropView.whole((64, 64))
    logits = torch.full((32, 32), 4.0)
    small = resampled(logits, CropView(16, 16, 32, 32), whole, (8, 8))
    assert small[3, 3] == pytest.approx(4.0, abs=1e-4)
    assert small[0, 0] == -CERTAIN_LOGIT


def test_no_object_vanishes_by_the_size_of_cells() -> None:
    view = CropView(40, 20, 32, 32)
    logits = torch.full((32, 32), -8.0)
    logits[14:17, 14:17] = 3.0
    cells = pasted(logits, view, (2160, 3840), (96, 171))
    assert int((cells > 0).sum()) == 1 and cells.max() == 3.0


def test_a_mask_without_others() -> None:
    mask = MaskCrop(10, 20, np.ones((4, 6), dtype=bool))
    left = mask.without([MaskCrop(8, 20, np.ones((4, 4), dtype=bool)), MaskCrop.empty()])
    assert left.xyxy == (12, 20, 16, 24) and left.area == 16
    assert mask.without([MaskCrop(40, 20, np.ones((4, 4), dtype=bool))]) is mask
    assert mask.without([mask]).area == 0
