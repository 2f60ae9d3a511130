"""A negative click on a known mask takes a part of it away, not all of it."""

import numpy as np
import pytest

from tests.scenes import mask_iou, two_objects
from vseg.models.nano.load import load_nano
from vseg.session.image_predictor import ImagePredictor
from vseg.session.implied_marks import with_implied_marks
from vseg.types import Box, Mask, Points, VisualPrompt

MASK = np.zeros((40, 60), dtype=bool)
MASK[10:30, 10:50] = True
BESIDE = Points([(15, 20)], [0])


def test_a_point_away_from_the_negative_ones_is_implied() -> None:
    _, points = with_implied_marks((Mask(MASK), BESIDE))
    assert isinstance(points, Points)
    assert points.positive.tolist() == [True, False]
    x, y = points.xy[0]
    assert MASK[int(y), int(x)] and x > 24


@pytest.mark.parametrize(
    "prompts",
    [
        (Mask(MASK), Points([(20, 20)], [1])),
        (Mask(MASK), Points([(20, 20)], [1]), BESIDE),
        (Box(10, 10, 50, 30), BESIDE),
        (BESIDE,),
        (Mask(MASK),),
    ],
)
def test_nothing_is_implied_beside_what_says_where_the_object_is(
    prompts: tuple[VisualPrompt, ...],
) -> None:
    assert with_implied_marks(prompts) is prompts


def test_a_negative_click_leaves_the_object() -> None:
    frame = two_objects(1).draw(0)
    truth = frame.labels == 1
    added = truth.copy()
    x = int(np.flatnonzero(truth.any(axis=0))[-1])
    y = int(np.flatnonzero(truth[:, x]).mean())
    added[max(0, y - 6) : y + 6, x + 1 : x + 13] = True
    predictor = ImagePredictor(load_nano(dtype="float32", short_side=96))
    image = predictor.encode(frame.frame)
    click = Points([(x + 7, y)], [0])
    mask = predictor.predict_objects(image, [[Mask(added), click]])[1]
    assert mask_iou(mask, truth) > 0.5
    assert not mask[y, x + 7]
