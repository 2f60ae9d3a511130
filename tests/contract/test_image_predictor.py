"""An image predictor gives what a session gives on its first frame, whatever the model."""

import numpy as np
import pytest

from tests.contract.test_models import MAKERS, disc, frame
from vseg.interfaces.model import Model
from vseg.session.image_predictor import ImagePredictor
from vseg.session.session import Session
from vseg.types import Box, Points, Polygon, PromptValue, Scribble

pytestmark = pytest.mark.integration

CLICK = Points(np.array([[60.0, 30.0]], np.float32), np.array([True]))
OTHER = Points(np.array([[20.0, 40.0]], np.float32), np.array([True]))
LINE = Scribble(np.array([[30.0, 20.0], [50.0, 40.0]], np.float32))
PROMPTS: dict[str, tuple[PromptValue, ...]] = {
    "click": (CLICK,),
    "box": (Box(10, 10, 50, 45),),
    "scribble": (LINE,),
    "mask": (disc(),),
    "polygon": (Polygon([(10, 10), (60, 12), (40, 50)]),),
    "polygon and click": (Polygon([(10, 10), (60, 12), (40, 50)]), CLICK),
    "mask and box": (disc(), Box(20, 10, 60, 50)),
    "box and click": (Box(10, 10, 50, 45), CLICK),
}


@pytest.fixture(scope="module", params=MAKERS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return MAKERS[request.param](tmp_path_factory.mktemp("model"))


@pytest.mark.parametrize("kind", PROMPTS)
def test_a_prediction_is_a_session_s_first_frame_to_the_bit(model: Model, kind: str) -> None:
    predictor = ImagePredictor(model)
    predicted = predictor.predict(predictor.encode(frame(0)), PROMPTS[kind])
    with Session(model) as session:
        first = session.prompt(1, frame(0), PROMPTS[kind])
    assert predicted.object_ids == first.object_ids and predicted.sources == first.sources
    np.testing.assert_array_equal(predicted.logits, first.logits)
    np.testing.assert_array_equal(predicted.scores, first.scores)
    np.testing.assert_array_equal(predicted.visible, first.visible)
    np.testing.assert_array_equal(predicted[1], first[1])


def test_several_objects_are_predicted_as_each_alone(model: Model) -> None:
    predictor = ImagePredictor(model)
    image = predictor.encode(frame(0))
    every = list(PROMPTS.values())
    together = predictor.predict_objects(image, every)
    assert together.object_ids == tuple(range(1, len(every) + 1))
    for row, prompts in enumerate(every):
        alone = predictor.predict(image, prompts)
        scale = np.abs(alone.logits).max()
        np.testing.assert_allclose(
            together.logits[row], alone.logits[0], rtol=0, atol=2e-3 * scale
        )


def test_a_grid_of_points_is_one_batch(model: Model) -> None:
    predictor = ImagePredictor(model)
    image = predictor.encode(frame(0))
    points = [(x, y) for y in (15, 45) for x in (15, 45, 75)]
    grid = [[Points(np.array([at], np.float32), np.array([True]))] for at in points]
    masks = predictor.predict_objects(image, grid)
    assert masks.masks.shape == (6, 60, 90)


def test_the_mask_before_is_a_prior(model: Model) -> None:
    predictor = ImagePredictor(model)
    image = predictor.encode(frame(0))
    first = predictor.predict(image, [CLICK])
    plain = predictor.predict(image, [CLICK, OTHER])
    refined = predictor.predict(image, [CLICK, OTHER], prior=first.logits[0])
    assert not np.array_equal(refined.logits, plain.logits)
    again = predictor.predict(image, [CLICK, OTHER], prior=first.logits[0])
    np.testing.assert_array_equal(again.logits, refined.logits)
