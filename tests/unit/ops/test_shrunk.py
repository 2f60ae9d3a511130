"""A small copy is the means of areas, whatever the two sizes are."""

import cv2
import numpy as np
import pytest

from vseg.ops.shrunk import shrunk


@pytest.mark.parametrize(
    ("of", "to"),
    [((96, 160), (24, 40)), ((101, 333), (24, 40)), ((30, 50), (24, 40)), ((12, 9), (24, 40))],
)
def test_it_is_nearly_the_mean_of_areas(of: tuple[int, int], to: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (*of, 3), dtype=np.uint8)
    image = cv2.GaussianBlur(noise, (0, 0), 3)
    copy = shrunk(image, *to)
    exact = cv2.resize(image, to[::-1], interpolation=cv2.INTER_AREA)
    assert copy.shape == (*to, 3) and copy.dtype == np.uint8
    difference = np.abs(copy.astype(int) - exact)
    assert difference.mean() < 1.5
    if of == (96, 160):
        assert difference.max() <= 1


def test_an_image_that_may_not_be_written_stays_as_it_is() -> None:
    image = np.zeros((64, 64, 3), np.uint8)[:, ::-1]
    image.flags.writeable = False
    assert shrunk(image, 8, 8).shape == (8, 8, 3)
