"""`vseg.segment`: plain numbers of one or several objects, and what is wrong with them."""

from typing import Any

import numpy as np
import pytest

import vseg
from vseg.errors import BadFrame, BadPrompt
from vseg.models.nano.load import load_nano
from vseg.models.nano.model import Nano
from vseg.types import Exemplar

IMAGE = np.full((96, 128, 3), 110, np.uint8)
IMAGE[20:60, 20:60] = (220, 40, 40)
IMAGE[30:70, 80:120] = (40, 40, 220)


@pytest.fixture(scope="module")
def nano() -> Nano:
    return load_nano(dtype="float32", short_side=96)


def test_a_box_gives_one_object(nano: Nano) -> None:
    masks = vseg.segment(IMAGE, box=[18, 18, 62, 62], model=nano)
    assert masks.object_ids == (1,)
    truth = np.zeros((96, 128), bool)
    truth[20:60, 20:60] = True
    assert (masks[1] & truth).sum() / (masks[1] | truth).sum() > 0.8


def test_lists_and_arrays_of_several_objects_are_the_same(nano: Nano) -> None:
    boxes = [[18, 18, 62, 62], [78, 28, 122, 72]]
    masks = vseg.segment(IMAGE, box=boxes, model=nano)
    arrays = vseg.segment(IMAGE, box=np.array(boxes), model=nano)
    assert masks.object_ids == (1, 2)
    np.testing.assert_array_equal(masks.masks, arrays.masks)
    assert not (masks[1] & masks[2]).any()


def test_objects_may_have_different_numbers_of_points(nano: Nano) -> None:
    points = [[(40, 40)], [(100, 50), (40, 40)]]
    masks = vseg.segment(IMAGE, points=points, labels=[[1], [1, 0]], model=nano)
    assert masks.object_ids == (1, 2) and masks[2][50, 100] and not masks[2][40, 40]


def test_a_mask_alone_stands_as_it_is(nano: Nano) -> None:
    mask = np.zeros((96, 128), bool)
    mask[10:20, 10:20] = True
    np.testing.assert_array_equal(vseg.segment(IMAGE, mask=mask, model=nano)[1], mask)
    both = vseg.segment(IMAGE, mask=mask, box=(8, 8, 62, 62), model=nano)
    assert both.object_ids == (1,)


def test_the_default_model_is_loaded_by_its_name() -> None:
    assert vseg.segment(IMAGE, points=[(40, 40)])[1][40, 40]


@pytest.mark.parametrize(
    ("prompts", "what"),
    [
        ({}, "no prompt"),
        ({"labels": [1]}, "point"),
        ({"box": [1, 2, 3]}, "4 numbers"),
        ({"box": [50, 50, 20, 20]}, "empty or inverted"),
        ({"points": [(500, 20)]}, "outside"),
        ({"points": [(5, 5)], "labels": [0]}, "object 1 .*negative marks alone"),
        ({"points": [(5, 5), (5, 5)], "labels": [1, 0]}, "object 1 is there and that it"),
        (
            {"points": [[(5, 5)], [(9, 9)]], "labels": [[1], [0]]},
            "object 2 .*negative marks alone",
        ),
        ({"mask": np.ones((4, 4), bool)}, "frame is 128x96"),
        ({"box": [[1, 2, 30, 40]], "points": [[(3, 4)], [(5, 6)]]}, "which object"),
        ({"box": [[1, 2, 30, 40]], "points": [(3, 4)]}, "which object"),
    ],
)
def test_what_is_wrong_with_prompts_is_said(
    nano: Nano, prompts: dict[str, Any], what: str
) -> None:
    with pytest.raises(BadPrompt, match=what):
        vseg.segment(IMAGE, model=nano, **prompts)


@pytest.mark.parametrize(
    ("image", "what"),
    [
        (np.zeros((4, 4, 3), np.float32), "float32"),
        (np.zeros((4, 4), np.uint8), "shape"),
        (np.zeros((4, 4, 4), np.uint8), "shape"),
        (np.zeros((0, 4, 3), np.uint8), "shape"),
    ],
)
def test_what_is_wrong_with_an_image_is_said(nano: Nano, image: np.ndarray, what: str) -> None:
    with pytest.raises(BadFrame, match=what):
        vseg.segment(image, box=[1, 1, 3, 3], model=nano)


def test_concepts_need_a_grounder(nano: Nano) -> None:
    predictor = vseg.ImagePredictor(nano)
    image = predictor.encode(IMAGE)
    with pytest.raises(BadPrompt, match="where an object is"):
        predictor.predict(image, text="car")
    with pytest.raises(BadPrompt, match="where an object is"):
        predictor.predict(image, exemplar=Exemplar(IMAGE, np.ones((96, 128), bool)))


def test_priors_are_those_of_the_image(nano: Nano) -> None:
    predictor = vseg.ImagePredictor(nano)
    image = predictor.encode(IMAGE)
    with pytest.raises(BadPrompt, match=r"priors are ndarray of shape \(1, 3, 3\), not"):
        predictor.predict(image, points=[(40, 40)], prior=np.zeros((3, 3), np.float32))


RING = [(10, 10), (30, 10), (30, 40), (10, 40)]
HOLE = [(15, 15), (20, 15), (20, 20), (15, 20)]


def test_a_polygon_is_the_mask_that_it_encloses(nano: Nano) -> None:
    expected = np.zeros((96, 128), bool)
    expected[10:40, 10:30] = True
    np.testing.assert_array_equal(vseg.segment(IMAGE, polygon=RING, model=nano)[1], expected)
    expected[15:20, 15:20] = False
    for objects in ([RING, HOLE], [[RING, HOLE]]):
        masks = vseg.segment(IMAGE, polygon=objects, model=nano)
        assert masks.object_ids == (1,)
        np.testing.assert_array_equal(masks[1], expected)
    two = vseg.segment(IMAGE, polygon=[[RING, HOLE], [HOLE]], model=nano)
    assert two.object_ids == (1, 2) and two.area(2) == 25


def test_a_polygon_and_a_mask_of_it_are_the_same_beside_a_click(nano: Nano) -> None:
    mask = np.zeros((96, 128), bool)
    mask[10:40, 10:30] = True
    drawn = vseg.segment(IMAGE, polygon=RING, points=[(40, 40)], model=nano)
    given = vseg.segment(IMAGE, mask=mask, points=[(40, 40)], model=nano)
    np.testing.assert_array_equal(drawn.logits, given.logits)


def test_a_polygon_beside_the_image_is_refused(nano: Nano) -> None:
    with pytest.raises(BadPrompt, match="outside the 128x96"):
        vseg.segment(IMAGE, polygon=[(200, 10), (220, 10), (220, 40)], model=nano)


def test_negative_points_alone_correct_a_prior(nano: Nano) -> None:
    predictor = vseg.ImagePredictor(nano)
    image = predictor.encode(IMAGE)
    first = predictor.predict(image, box=[18, 18, 62, 62])
    cut = predictor.predict(image, points=[(40, 40)], labels=[0], prior=first.logits[0])
    assert not cut[1][40, 40]
    with pytest.raises(BadPrompt, match="negative marks alone"):
        predictor.predict(image, points=[(40, 40)], labels=[0])
