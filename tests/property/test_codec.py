"""Whatever the mask, it comes back: the run directory's codec and COCO strings."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from vseg.ops.codec import decode_mask, encode_mask
from vseg.ops.rle import decode_rle, encode_rle
from vseg.types import MaskCrop

SIDES = st.integers(0, 70)
MASKS = st.tuples(SIDES, SIDES).flatmap(lambda shape: arrays(np.bool_, shape))
FULL = st.tuples(st.integers(1, 30), st.integers(1, 30)).flatmap(
    lambda shape: arrays(np.bool_, shape)
)


@given(mask=MASKS, x=st.integers(0, 5000), y=st.integers(0, 5000))
def test_any_crop_survives_the_codec(mask: np.ndarray, x: int, y: int) -> None:
    crop = MaskCrop(x, y, mask)
    back = decode_mask(encode_mask(crop), crop.xywh)
    assert back.xywh == crop.xywh
    np.testing.assert_array_equal(back.mask, mask)


@settings(max_examples=300)
@given(mask=FULL)
def test_any_mask_has_pycocotools_own_string(mask: np.ndarray) -> None:
    height, width = mask.shape
    crop = MaskCrop.of(mask)
    theirs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode("ascii")
    assert encode_rle(crop, height, width) == theirs
    back = decode_rle(theirs, height, width)
    assert back.xywh == crop.xywh
    np.testing.assert_array_equal(back.mask, crop.mask)
