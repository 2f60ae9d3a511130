"""What was decoded of an image is decoded once, and is the same to the bit."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from vseg.frame_masks import FrameMasks
from vseg.models.nano.flip_tta import FlipTTA
from vseg.models.nano.model import Nano
from vseg.session.image_predictor import ImagePredictor
from vseg.synthetic import SyntheticVideo
from vseg.types import Box, Mask, Points, PromptValue, Scribble

CLICKS: list[PromptValue] = [
    Points([place], [positive])
    for place, positive in (((60, 40), True), ((66, 44), True), ((20, 80), False))
]
LINE = Scribble([(50, 38), (70, 46)])
BOX = Box(40, 20, 90, 70)
BESIDE: PromptValue = Points([(20, 80)], [False])


class Counted:
    """How often a model encodes crops and coarse frames, and decodes prompts."""

    def __init__(self, model: Nano, patch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        for name in ("decode_prompts", "encode_coarse", "encode_crops"):
            patch.setattr(model, name, self._counting(name, getattr(model, name)))

    def _counting(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*values: Any, **named: Any) -> Any:
            self.calls.append(name)
            return function(*values, **named)

        return counted

    def taken(self) -> list[str]:
        """The calls since they were taken last."""
        calls, self.calls = self.calls, []
        return calls


@pytest.fixture
def counted(model: Nano, monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(model, monkeypatch)


def assert_same(one: FrameMasks, other: FrameMasks) -> None:
    np.testing.assert_array_equal(one.logits, other.logits)
    np.testing.assert_array_equal(one.scores, other.scores)
    np.testing.assert_array_equal(one.masks, other.masks)


def test_a_further_mark_decodes_only_what_is_new(
    model: Nano, scene: SyntheticVideo, counted: Counted
) -> None:
    predictor = ImagePredictor(model)
    image = predictor.encode(scene.draw(0).frame)
    predictor.predict(image, CLICKS[:1])
    first = counted.taken()
    assert first.count("decode_prompts") >= 3 and first.count("encode_coarse") == 1
    predictor.predict(image, CLICKS[:2])
    second = counted.taken()
    crops = second.count("encode_crops")
    assert second.count("decode_prompts") == 1 + crops and "encode_coarse" not in second
    predictor.predict(image, CLICKS)
    third = counted.taken()
    assert third.count("decode_prompts") == 1 + third.count("encode_crops")


def test_the_coarse_frame_is_encoded_once_for_all_objects(
    model: Nano, scene: SyntheticVideo, counted: Counted
) -> None:
    predictor = ImagePredictor(model)
    image = predictor.encode(scene.draw(0).frame)
    for click in CLICKS[:2]:
        predictor.predict(image, [click])
    assert counted.taken().count("encode_coarse") == 1


def test_the_same_prompts_again_decode_nothing(
    model: Nano, scene: SyntheticVideo, counted: Counted
) -> None:
    predictor = ImagePredictor(model)
    image = predictor.encode(scene.draw(0).frame)
    before = predictor.predict(image, [Points([(60, 40)])])
    counted.taken()
    after = predictor.predict(image, [Points([(60, 40)])])
    assert counted.taken() == []
    assert_same(after, before)
    before.logits[:] = 0
    again = predictor.predict(image, [Points([(60, 40)])])
    assert_same(again, after)


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize(
    "prompts",
    [
        CLICKS,
        [BESIDE, *CLICKS[:2]],
        [BOX, *CLICKS[:2]],
        [CLICKS[0], LINE, BESIDE],
        [Mask(np.indices((96, 160))[1] < 70), *CLICKS[:2]],
        [CLICKS[0], Box(30, 20, 90, 80), CLICKS[1]],
    ],
    ids=["clicks", "beside first", "box", "scribble", "mask", "box later"],
)
def test_masks_are_those_of_an_image_that_nothing_was_decoded_of(
    model: Nano, scene: SyntheticVideo, prompts: Sequence[PromptValue], flipped: bool
) -> None:
    predictor = ImagePredictor(FlipTTA(model) if flipped else model)
    image = predictor.encode(scene.draw(0).frame)
    other = Points([(100, 50)])
    # A mark beside the object alone begins nothing.
    for count in range(1 + (prompts[0] is BESIDE), len(prompts) + 1):
        predictor.predict(image, [other])
        anew = predictor.predict(predictor.encode(scene.draw(0).frame), prompts[:count])
        assert_same(predictor.predict(image, prompts[:count]), anew)
    both = predictor.predict_objects(image, [prompts, [other]])
    np.testing.assert_array_equal(both.masks[0], anew.masks[0])


def test_an_object_whose_rounds_are_kept_is_decoded_beside_one_with_more(
    model: Nano, scene: SyntheticVideo
) -> None:
    predictor = ImagePredictor(model)
    image = predictor.encode(scene.draw(0).frame)
    other = Points([(100, 50)])
    first = predictor.predict(image, [other])
    for count in (1, 2):  # two masks are kept, and three rounds
        predictor.predict(image, CLICKS[:count])
    both = predictor.predict_objects(image, [[other], CLICKS])
    np.testing.assert_array_equal(both.masks[0], first.masks[0])
    anew = predictor.predict(predictor.encode(scene.draw(0).frame), CLICKS)
    np.testing.assert_array_equal(both.masks[1], anew.masks[0])


def test_what_one_model_decoded_is_not_another_s(
    model: Nano, scene: SyntheticVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = ImagePredictor(model).encode(scene.draw(0).frame)
    ImagePredictor(model).predict(image, CLICKS)
    twin = model.resized(128)
    counted = Counted(twin, monkeypatch)
    ImagePredictor(twin).predict(image, CLICKS)
    assert "encode_coarse" in counted.taken()


def test_a_prior_is_corrected_whatever_was_decoded_before(
    model: Nano, scene: SyntheticVideo
) -> None:
    predictor = ImagePredictor(model)
    image = predictor.encode(scene.draw(0).frame)
    plain = predictor.predict(image, CLICKS[:2])
    prior = np.full_like(plain.logits[0], -5)
    fresh = predictor.predict(predictor.encode(scene.draw(0).frame), CLICKS[:2], prior=prior)
    assert_same(predictor.predict(image, CLICKS[:2], prior=prior), fresh)
    assert_same(predictor.predict(image, CLICKS[:2]), plain)


def test_what_is_kept_is_bounded(model: Nano, scene: SyntheticVideo, counted: Counted) -> None:
    predictor = ImagePredictor(model)
    image = predictor.encode(scene.draw(0).frame)
    for x in range(20, 60, 2):
        predictor.predict(image, [Points([(x, 40)])])
    counted.taken()
    predictor.predict(image, [Points([(20, 40)])])
    assert "decode_prompts" in counted.taken(), "the oldest are gone"
