"""Masks at video size from logits."""

import numpy as np
import pytest

from vseg.ops.enlarging import enlarged_logits, enlarged_mask
from vseg.types import MaskCrop


@pytest.mark.parametrize("hw", [(480, 854), (720, 1280), (96, 172), (50, 70), (101, 333)])
def test_a_mask_is_where_enlarged_logits_are_positive(hw: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for share in (0.0, 0.0003, 0.001, 0.1):
        for _ in range(8):
            noise = rng.random((96, 172), dtype=np.float32)
            logits = np.where(noise < share, 9, -0.1).astype(np.float32)
            expected = MaskCrop.of(enlarged_logits(logits, hw) > 0)
            crop = enlarged_mask(logits, hw)
            assert crop.xywh == expected.xywh
            np.testing.assert_array_equal(crop.mask, expected.mask)
