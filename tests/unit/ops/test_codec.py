import zlib
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco

from vseg.errors import BadMask
from vseg.ops.codec import decode_mask, encode_mask
from vseg.ops.colours import colour_of, davis_palette, hex_of
from vseg.ops.rle import decode_rle, encode_rle, rle_counts
from vseg.types import MaskCrop


def ellipse(height: int = 44, width: int = 66) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    radius = ((rows - height / 2) / (height / 2)) ** 2 + (
        (columns - width / 2) / (width / 2)
    ) ** 2
    return np.asarray(radius < 1)


@pytest.mark.parametrize("width", [1, 7, 8, 9, 63, 64, 65, 200])
def test_every_row_width_around_the_word_size_survives(width: int) -> None:
    mask = np.random.default_rng(width).random((9, width)) > 0.5
    crop = MaskCrop(3, 4, mask)
    np.testing.assert_array_equal(decode_mask(encode_mask(crop), crop.xywh).mask, mask)


def test_an_empty_mask_is_an_empty_payload() -> None:
    crop = MaskCrop.of(np.zeros((20, 30), dtype=bool))
    assert encode_mask(crop) == b""
    assert decode_mask(b"", crop.xywh).area == 0


def test_a_smooth_object_costs_far_less_than_a_bit_a_pixel() -> None:
    crop = MaskCrop.of(ellipse(440, 660))
    assert len(encode_mask(crop)) < crop.mask.size / 8 / 20


def test_an_absurd_size_is_refused_before_memory_is_taken() -> None:
    payload = encode_mask(MaskCrop.of(ellipse()))
    for size in [(2**20, 2**20), (4000, 4000), (-1, 5)]:
        with pytest.raises(BadMask):
            decode_mask(payload, (0, 0, *size))


@pytest.mark.parametrize(
    "change", ["cut", "flip", "longer", "bomb", "other size", "not empty"]
)
def test_a_damaged_payload_is_refused(change: str) -> None:
    crop = MaskCrop.of(ellipse())
    payload = encode_mask(crop)
    x, y, width, height = crop.xywh
    payload, height = {
        "cut": (payload[:-3], height),
        "flip": (payload[:20] + bytes([payload[20] ^ 255]) + payload[21:], height),
        "longer": (payload + b"\0", height),
        "bomb": (zlib.compress(bytes(10_000_000)), height),
        "other size": (payload, height - 1),
        "not empty": (payload, 0),
    }[change]
    with pytest.raises(BadMask):
        decode_mask(payload, (x, y, width, height))


def test_a_crop_deep_in_a_large_frame_has_the_string_of_the_full_mask() -> None:
    crop = MaskCrop(500, 300, ellipse())
    full = np.asfortranarray(crop.paste(1080, 1920).astype(np.uint8))
    assert encode_rle(crop, 1080, 1920) == coco.encode(full)["counts"].decode("ascii")
    assert int(rle_counts(crop, 1080, 1920).sum()) == 1080 * 1920


def test_runs_that_wrap_to_the_next_column_are_one_run() -> None:
    full = np.zeros((4, 5), dtype=bool)
    full[:, 1:3] = True
    assert rle_counts(MaskCrop.of(full), 4, 5).tolist() == [4, 8, 8]


def test_uncommon_but_legal_runs_of_length_zero_are_read() -> None:
    runs: dict[str, Any] = {"size": [2, 3], "counts": [1, 2, 0, 1, 2]}
    packed = coco.frPyObjects(runs, 2, 3)
    mask = decode_rle(packed["counts"].decode("ascii"), 2, 3).paste(2, 3)
    assert mask.T.ravel().tolist() == [False, True, True, True, False, False]


@pytest.mark.parametrize("counts", ["", "o", "é", "!", "oooooooooo0", "5", "0O0", "ZZZ"])
def test_a_string_that_is_no_rle_of_this_frame_is_refused(counts: str) -> None:
    with pytest.raises(BadMask):
        decode_rle(counts, 4, 5)


def test_a_crop_outside_its_frame_has_no_rle() -> None:
    with pytest.raises(BadMask, match="leaves"):
        rle_counts(MaskCrop(0, 0, ellipse()), 40, 40)


def test_an_absurd_frame_has_no_rle() -> None:
    with pytest.raises(BadMask, match="size"):
        decode_rle("0", 2**20, 2**20)


def test_the_davis_palette_starts_as_published() -> None:
    palette = davis_palette().tolist()
    assert palette[:5] == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]]
    assert palette[22] == [0, 192, 128] and palette[255] == [224, 224, 192]


def test_objects_have_colours_that_differ() -> None:
    assert len({colour_of(number) for number in range(1, 60)}) == 59
    assert hex_of(1) == "#00c2ff"
