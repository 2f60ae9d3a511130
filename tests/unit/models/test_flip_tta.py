"""Mirrored looks: what they promise of a mirrored video, of a session's state, and of wrong
use.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.nano_weights import save_random
from vseg.build import load_model
from vseg.errors import BadRun, UsageError
from vseg.frame_masks import FrameMasks
from vseg.interfaces.affinity_model import AffinityModel
from vseg.models.nano.flip_tta import FlipTTA
from vseg.models.nano.load import load_nano
from vseg.models.nano.model import Nano
from vseg.session.session import Session
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.types import Box, Frame, Mask, Points, Scribble, VisualPrompt

pytestmark = pytest.mark.integration

WIDTH = 160


@pytest.fixture(scope="module")
def nano() -> Nano:
    return load_nano(dtype="float32", short_side=128)


@pytest.fixture(scope="module")
def scene() -> SyntheticVideo:
    return SyntheticVideo(
        SceneConfig(height=96, width=WIDTH, num_frames=8, seed=3, num_objects=2, occluders=0)
    )


def turned(frame: Frame) -> Frame:
    return replace(frame, image=np.ascontiguousarray(frame.image[:, ::-1]))


def follow(
    model: AffinityModel, frames: list[Frame], prompts: dict[int, VisualPrompt]
) -> list[FrameMasks]:
    with Session(model) as session:
        for obj, prompt in prompts.items():
            session.prompt(obj, frames[0], [prompt])
        return [session.step(frame) for frame in frames]


def numbers(*xy: tuple[float, float]) -> np.ndarray:
    return np.array(xy, np.float32)


@pytest.mark.parametrize(
    ("prompt", "mirrored"),
    [
        (Box(20, 30, 70, 80), Box(90, 30, 140, 80)),
        (
            Points(numbers((40, 50), (0, 0)), np.array([True, False])),
            Points(numbers((119, 50), (159, 0)), np.array([True, False])),
        ),
        (Scribble(numbers((30, 40), (50, 60))), Scribble(numbers((129, 40), (109, 60)))),
    ],
)
def test_a_mirrored_video_gives_the_mirrored_masks(
    nano: Nano, scene: SyntheticVideo, prompt: VisualPrompt, mirrored: VisualPrompt
) -> None:
    """No network does this by itself: with both looks averaged, left and right are the
    same.
    """
    model = FlipTTA(nano)
    truth = np.asarray(scene.truth(0) == 2)
    frames = list(scene.frames(0, 5))
    there = follow(model, frames, {1: prompt, 2: Mask(truth)})
    back = follow(
        model,
        [turned(frame) for frame in frames],
        {1: mirrored, 2: Mask(np.ascontiguousarray(truth[:, ::-1]))},
    )
    for one, other in zip(there, back, strict=True):
        np.testing.assert_allclose(one.logits, other.logits[:, :, ::-1], atol=2e-2)
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-3)
    plain = follow(nano, frames, {1: prompt})
    assert np.abs(plain[-1].logits[0] - there[-1].logits[0]).max() > 0.1


def test_a_restored_session_goes_on_with_the_same_bits(
    nano: Nano, scene: SyntheticVideo
) -> None:
    model = FlipTTA(nano)
    frames = list(scene.frames())
    with Session(model) as first, Session(model) as second, Session(nano) as plain:
        first.prompt(1, frames[0], [Mask(np.asarray(scene.truth(0) == 1))])
        for frame in frames[:4]:
            first.step(frame)
        state = first.snapshot()
        second.restore(state)
        for frame in frames[4:]:
            assert (first.step(frame).logits == second.step(frame).logits).all()
        with pytest.raises(BadRun, match="another format or model"):
            plain.restore(state)


def test_a_model_is_mirrored_on_request(tmp_path: Path) -> None:
    weights = tmp_path / "random.safetensors"
    save_random(weights, 0)
    plain = load_model(weights=weights, short_side=64)
    model = load_model(weights=weights, short_side=64, flip=True)
    assert isinstance(model, FlipTTA) and isinstance(plain, Nano)
    assert (model.name, model.dtype, model.device) == (plain.name, plain.dtype, plain.device)
    assert model.weights_sha256 == f"{plain.weights_sha256}+flip"


def test_a_model_with_slots_is_not_mirrored(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="flip") as refused:
        load_model(str(tmp_path), flip=True)
    assert "nano" in str(refused.value.hint)
