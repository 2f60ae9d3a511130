"""What every model that a session can track with promises, checked on all of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.sam_models import saved_model
from vseg.interfaces.affinity_model import AffinityModel
from vseg.interfaces.model import Model
from vseg.interfaces.promptable_model import PromptableModel
from vseg.interfaces.slot_model import SlotModel
from vseg.models.nano.flip_tta import FlipTTA
from vseg.models.nano.load import load_nano
from vseg.models.sam2.load import load_sam
from vseg.session.prompt_rounds import coarse_masks
from vseg.session.session import Session
from vseg.tensors import Decoded, Features
from vseg.types import Box, Frame, Mask, Points, VisualPrompt

pytestmark = pytest.mark.integration

HEIGHT = 60
WIDTH = 90
SQUARES = ((4, 20), (0, 60), (7, 33))
"""Frames, and the sides of what is cut out of them."""
CLOSE = 2e-3
"""Of the logits' scale: a batch of another size rounds sums otherwise."""


def _sam(kind: str) -> Callable[[Path], Model]:
    def make(folder: Path) -> Model:
        saved_model(kind, folder)
        return load_sam(folder, kind, device="cpu", dtype="float32")

    return make


MAKERS: dict[str, Callable[[Path], Model]] = {
    "nano": lambda _: load_nano(dtype="float32", short_side=64),
    "flip": lambda _: FlipTTA(load_nano(dtype="float32", short_side=64)),
    "sam2": _sam("sam2"),
    "edgetam": _sam("edgetam"),
}


@pytest.fixture(scope="module", params=MAKERS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """One model of each kind for all tests: nothing may be left that spoils the next."""
    return MAKERS[request.param](tmp_path_factory.mktemp("model"))


def frame(index: int) -> Frame:
    """Blocks of colour that drift."""
    blocks = np.random.default_rng(0).integers(0, 255, (15, 30, 3), dtype=np.uint8)
    moved = cv2.resize(np.roll(blocks, (index, 2 * index), (0, 1)), (WIDTH, HEIGHT))
    return Frame(index, None, index / 10, np.asarray(moved))


def disc() -> Mask:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return Mask((rows - 30) ** 2 + (columns - 40) ** 2 < 300)


CLICK = Points(np.array([[60.0, 30.0]], np.float32), np.array([True]))
PROMPTS: tuple[tuple[VisualPrompt, ...], ...] = ((Box(10, 10, 50, 45),), (CLICK,))


def tensors_of(features: Features) -> list[torch.Tensor]:
    return [*features.levels, features.key, features.local_key]


def assert_close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    scale = float(theirs.abs().max()) if theirs.numel() else 0.0
    torch.testing.assert_close(ours, theirs, rtol=0, atol=CLOSE * scale)


def assert_valid(decoded: Decoded, features: Features, objects: int) -> None:
    """As many rows as objects, in cells of the mask logits; scores are chances."""
    assert decoded.logits.shape == (objects, *features.map_hw)
    assert len(decoded.quality) == len(decoded.presence) == len(decoded.embedding) == objects
    for score in (decoded.quality, decoded.presence):
        assert ((score >= 0) & (score <= 1)).all()
    assert torch.isfinite(decoded.logits).all()
    if decoded.alternatives is not None:
        assert (decoded.alternatives.logits == decoded.logits[:, None]).flatten(2).all(2).any()


def test_is_one_of_the_two_kinds_and_says_which_weights_it_has(model: Model) -> None:
    assert isinstance(model, PromptableModel)
    assert isinstance(model, AffinityModel) != isinstance(model, SlotModel)
    assert model.name and len(model.weights_sha256.removesuffix("+flip")) == 64
    assert (model.device, model.dtype) == (torch.device("cpu"), torch.float32)


def test_frames_encoded_together_are_as_alone(model: Model) -> None:
    frames = [frame(index) for index in (4, 0, 7)]
    together = model.encode(frames)
    assert [features.frame_index for features in together] == [4, 0, 7], "order in, order out"
    for features, one in zip(together, frames, strict=True):
        (alone,) = model.encode([one])
        assert features.video_hw == (HEIGHT, WIDTH)
        for ours, theirs in zip(tensors_of(features), tensors_of(alone), strict=True):
            assert ours.dtype == model.dtype and ours.device == model.device
            assert_close(ours, theirs)


def test_crops_of_several_sizes_are_encoded_as_alone(model: Model) -> None:
    if not isinstance(model, AffinityModel):
        pytest.skip("models of slots have no crops")
    assert model.map_hw((HEIGHT, WIDTH)) == model.encode([frame(0)])[0].map_hw
    crops = [replace(frame(k), image=frame(k).image[:side, :side]) for k, side in SQUARES]
    together = model.encode_crops(crops, 96)
    for features, crop in zip(together, crops, strict=True):
        assert features.map_hw == (24, 24) and features.video_hw == crop.image.shape[:2]
        (alone,) = model.encode_crops([crop], 96)
        for ours, theirs in zip(tensors_of(features), tensors_of(alone), strict=True):
            assert_close(ours, theirs)


def test_encoding_remembers_nothing(model: Model) -> None:
    first, _, again = (model.encode([frame(index)])[0] for index in (0, 5, 0))
    assert all(map(torch.equal, tensors_of(again), tensors_of(first)))


def test_prompts_of_several_objects_are_decoded_as_alone(model: Model) -> None:
    (features,) = model.encode([frame(0)])
    together = model.decode_prompts(features, PROMPTS)
    assert_valid(together, features, 2)
    for row, prompts in enumerate(PROMPTS):
        alone = model.decode_prompts(features, [prompts])
        assert_valid(alone, features, 1)
        assert_close(together.logits[row], alone.logits[0])


def test_decoding_leaves_the_features_as_they_are(model: Model) -> None:
    (features,) = model.encode([frame(0)])
    before = [tensor.clone() for tensor in tensors_of(features)]
    one = model.decode_prompts(features, PROMPTS)
    two = model.decode_prompts(features, PROMPTS)
    model.memorise(features, disc())
    assert torch.equal(one.logits, two.logits), "and nothing of it is random"
    assert all(map(torch.equal, tensors_of(features), before))


def test_a_prior_counts(model: Model) -> None:
    (features,) = model.encode([frame(0)])
    prior = torch.full((1, *features.map_hw), -8.0)
    prior[:, : features.map_hw[0] // 2] = 8.0
    plain = model.decode_prompts(features, PROMPTS[1:])
    known = model.decode_prompts(features, PROMPTS[1:], prior)
    assert_valid(known, features, 1)
    assert not torch.equal(known.logits, plain.logits)


def test_a_mask_stands_as_it_was_given(model: Model) -> None:
    (features,) = model.encode([frame(0)])
    decoded = model.encode_mask_prompts(features, [disc(), Mask(~disc().mask)])
    assert_valid(decoded, features, 2)
    for row, mask in zip(decoded.logits, (disc().mask, ~disc().mask), strict=True):
        shown = cv2.resize(np.asarray(row), (WIDTH, HEIGHT)) > 0
        assert (shown == mask).mean() > 0.95


def test_what_is_memorised_is_decoded_on_any_image(model: Model) -> None:
    features, other = (model.encode([frame(index)])[0] for index in (0, 3))
    recall = model.memorise(features, disc())
    first = recall(other)
    assert_valid(first, other, 1)
    recall(features)
    assert torch.equal(recall(other).logits, first.logits), "as often as wanted"


def test_coarse_masks_are_masks_too(model: Model) -> None:
    if model.encode_coarse is None:
        pytest.skip("decodes prompts in one pass")
    coarse = coarse_masks(model, model.encode_coarse(frame(0)), PROMPTS)
    assert coarse.logits.shape[0] == len(PROMPTS) and torch.isfinite(coarse.logits).all()


def test_sessions_share_a_model(model: Model) -> None:
    """Two videos in turn give what each gives alone: a model holds its weights only."""

    def opened(prompts: tuple[VisualPrompt, ...]) -> Session:
        session = Session(model)
        session.prompt(1, frame(0), list(prompts))
        return session

    def alone(prompts: tuple[VisualPrompt, ...], shift: int) -> list[np.ndarray]:
        with opened(prompts) as session:
            return [session.step(shifted(t, shift)).logits for t in range(4)]

    def shifted(t: int, shift: int) -> Frame:
        return Frame(t, None, t / 10, frame(t * shift).image)

    expected = [alone(prompts, shift) for shift, prompts in enumerate(PROMPTS, 1)]
    with opened(PROMPTS[0]) as one, opened(PROMPTS[1]) as two:
        for t in range(4):
            np.testing.assert_array_equal(one.step(shifted(t, 1)).logits, expected[0][t])
            np.testing.assert_array_equal(two.step(shifted(t, 2)).logits, expected[1][t])
