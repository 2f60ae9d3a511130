"""The overlap of masks, whole and as crops."""

import numpy as np

from vseg.ops.masks import crop_iou, mask_iou
from vseg.types import MaskCrop


def rectangle(x1: int, y1: int, x2: int, y2: int) -> np.ndarray:
    mask = np.zeros((20, 30), dtype=bool)
    mask[y1:y2, x1:x2] = True
    return mask


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
