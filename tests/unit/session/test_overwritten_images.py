"""Programs that write every image over the one before, as cameras and OpenCV do."""

import numpy as np

from tests.scenes import box_of, point_on, truth_of
from vseg.models.nano.model import Nano
from vseg.session.image_predictor import ImagePredictor
from vseg.session.session import Session
from vseg.synthetic import SyntheticVideo


def test_a_step_sees_its_own_image_and_not_the_prompted_one(
    model: Nano, scene: SyntheticVideo
) -> None:
    buffer = scene.read(0).image.copy()
    box = box_of(truth_of(scene, 2))
    with Session(model) as apart, Session(model) as over:
        for session, shown in ((apart, scene.read(0).image), (over, buffer)):
            session.prompt(1, shown, points=[point_on(scene, 1)])
            session.step(shown)
            session.prompt(2, shown, box=box)
        buffer[:] = scene.read(1).image
        expected = apart.step(scene.read(1).image)
        np.testing.assert_array_equal(over.step(buffer).logits, expected.logits)


def test_an_encoded_image_stays_as_it_was(model: Nano, scene: SyntheticVideo) -> None:
    buffer = scene.read(0).image.copy()
    predictor = ImagePredictor(model)
    encoded = predictor.encode(buffer)
    buffer[:] = 255 - buffer
    points = [point_on(scene, 1)]
    expected = predictor.predict(predictor.encode(scene.read(0).image), points=points)
    np.testing.assert_array_equal(predictor.predict(encoded, points=points)[1], expected[1])
