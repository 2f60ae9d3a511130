"""Prompts that say where an object is, as models take them."""

import cv2
import numpy as np
import pytest

from vseg.models.nano.load import load_nano
from vseg.prompts.visual import as_visual
from vseg.session.image_predictor import ImagePredictor
from vseg.types import Box, Points, Scribble

HW = (40, 100)


def test_marks_in_the_last_half_pixel_are_on_the_last_pixel() -> None:
    xy = [(99.75, 12.0), (3.25, 39.6), (99.0, 39.0)]
    points = as_visual(Points(xy, [1, 0, 1]), HW)
    assert isinstance(points, Points)
    assert points.xy.tolist() == [[99.0, 12.0], [3.25, 39.0], [99.0, 39.0]]
    assert points.positive.tolist() == [True, False, True]
    scribble = as_visual(Scribble(xy, False), HW)
    assert isinstance(scribble, Scribble) and not scribble.positive
    assert scribble.xy.tolist() == points.xy.tolist()


def test_what_lies_on_pixels_stays_as_it_is() -> None:
    for prompt in (Points([(99.0, 39.0)]), Scribble([(0.0, 0.0)]), Box(0, 0, 100, 40)):
        assert as_visual(prompt, HW) is prompt


@pytest.mark.integration
def test_a_click_in_the_last_half_pixel_of_a_narrow_frame_is_in_its_mask() -> None:
    predictor = ImagePredictor(load_nano(runtime="torch", dtype="float32"))
    blurred = np.random.default_rng(2).integers(0, 255, (201, 6, 3), dtype=np.uint8)
    image = predictor.encode(np.asarray(cv2.resize(blurred, (100, 4000))))
    masks = predictor.predict(image, points=[(99.99, 0)])
    assert masks[1][0, 99]
