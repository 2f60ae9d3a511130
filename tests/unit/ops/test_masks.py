"""Where masks are, and their overlap, whole and as crops."""

import numpy as np

from vseg.ops.masks import crop_iou, mask_box, mask_iou
from vseg.types import MaskCrop


def rectangle(x1: int, y1: int, x2: int, y2: int) -> np.ndarray:
    mask = np.zeros((20, 30), dtype=bool)
    mask[y1:y2, x1:x2] = True
    return mask


def test_the_box_of_a_mask_holds_its_pixels_and_is_empty_where_it_is() -> None:
    assert mask_box(rectangle(2, 3, 12, 13) | rectangle(20, 5, 25, 15)) == (2, 3, 25, 15)
    assert mask_box(rectangle(29, 19, 30, 20)) == (29, 19, 30, 20)
    assert mask_box(rectangle(2, 3, 12, 13)[:, ::-1]) == (18, 3, 28, 13)
    assert mask_box(rectangle(0, 0, 0, 0)) == (0, 0, 0, 0)


def test_iou_of_crops_is_that_of_whole_masks_and_empty_ones_agree() -> None:
    masks = {
        "one": rectangle(2, 3, 12, 13),
        "half of it": rectangle(2, 3, 7, 13),
        "aside": rectangle(20, 3, 25, 9),
        "empty": rectangle(0, 0, 0, 0),
    }
    whole = {(a, b): mask_iou(masks[a], masks[b]) for a in masks for b in masks}
    crops = {name: MaskCrop.of(mask) for name, mask in masks.items()}
    assert whole == {(a, b): crop_iou(crops[a], crops[b]) for a, b in whole}
    assert whole["one", "one"] == whole["empty", "empty"] == 1.0
    assert whole["one", "half of it"] == 0.5
    assert whole["one", "aside"] == whole["one", "empty"] == 0.0
