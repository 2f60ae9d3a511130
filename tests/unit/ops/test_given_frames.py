"""Images and times that users give: what is none is refused by one kind of error."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import torch

from vseg.errors import BadFrame
from vseg.ops.frame_time import checked_time
from vseg.ops.rgb import checked_rgb

IMAGE = np.zeros((4, 6, 3), np.uint8)


@pytest.mark.parametrize(
    "image",
    [
        [[1, 2], [3]],
        torch.zeros(4, 6, 3, requires_grad=True),
        torch.zeros(4, 6, 3, dtype=torch.bfloat16),
        torch.zeros(4, 6, 3, dtype=torch.uint8, device="meta"),
        None,
        "photo.jpg",
        IMAGE.astype(np.float32),
        IMAGE[..., 0],
        IMAGE[:0],
        IMAGE.transpose(2, 0, 1),
    ],
    ids=lambda image: type(image).__name__,
)
def test_what_is_no_image_is_refused(image: Any) -> None:
    with pytest.raises(BadFrame) as refused:
        checked_rgb(image)
    assert refused.value.hint


@pytest.mark.parametrize("image", [IMAGE, IMAGE[::-1, ::-1, ::-1], IMAGE.tolist()])
def test_arrays_of_any_layout_are_images(image: Any) -> None:
    assert np.array_equal(checked_rgb(np.asarray(image, dtype=np.uint8)), IMAGE)


@pytest.mark.parametrize(
    "time_s",
    [
        *(float("nan"), float("inf"), -float("inf"), 10**400, -(10**400)),
        *(True, "1", 1j, None, [1], Decimal(1), np.complex64(1), np.timedelta64(5, "s")),
        *(np.datetime64("2020-01-01"), np.array([0.5]), np.float32("nan")),
    ],
    ids=lambda time_s: repr(time_s)[:20],
)
def test_what_is_no_time_is_refused(time_s: Any) -> None:
    with pytest.raises(BadFrame, match="is not a time"):
        checked_time(time_s)


@pytest.mark.parametrize("time_s", [0, -3.5, np.float32(0.5), np.int64(7), 1e300])
def test_finite_numbers_are_times(time_s: Any) -> None:
    assert checked_time(time_s) == float(time_s)
