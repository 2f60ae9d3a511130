"""Folders as the hub holds them: written by older releases of transformers, EdgeTAM with
timm's encoder.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.edgetam_folder import published_layout
from tests.sam_models import saved_model
from vseg.build import load_model
from vseg.errors import WeightsMismatch
from vseg.models.sam2.files import read_parts
from vseg.models.sam2.repvit import RepVit
from vseg.session.session import Session
from vseg.types import Frame
from vseg.weights.state_dict import below

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def edgetam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("edgetam")
    published_layout(folder)
    return folder


@pytest.fixture
def folder(edgetam: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    for path in edgetam.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def masks(folder: Path, frames: int = 4) -> list[np.ndarray]:
    noise = np.random.default_rng(0).integers(0, 255, (frames, 40, 60, 3), dtype=np.uint8)
    with Session(load_model(str(folder))) as session:
        film = [Frame(t, None, t / 10, image) for t, image in enumerate(noise)]
        session.prompt(1, film[0], box=(10, 10, 40, 30))
        return [np.asarray(session.step(frame).logits) for frame in film]


def test_edgetam_runs_without_timm(edgetam: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    logits = masks(edgetam)
    assert all(np.isfinite(each).all() for each in logits)
    parts = read_parts(edgetam, "edgetam")
    assert isinstance(parts.encoder.backbone, RepVit)
    body = below(
        load_file(edgetam / "model.safetensors"), "vision_encoder.backbone.timm_model."
    )
    pixels = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for ours, alone in zip(
            parts.encoder.backbone(pixels), RepVit(body)(pixels), strict=True
        ):
            assert torch.equal(ours, alone)


def test_what_two_parts_share_may_be_written_once(tmp_path: Path) -> None:
    saved_model("sam2", tmp_path)
    shared = "shared_image_embedding.positional_embedding"
    state = load_file(tmp_path / "model.safetensors")
    state["prompt_encoder.shared_embedding.positional_embedding"] = state[shared].clone()
    save_file(state, tmp_path / "model.safetensors")
    whole = masks(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["memory_attention_rope_theta"] = config.pop("rope_parameters")["rope_theta"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    del state["prompt_encoder.shared_embedding.positional_embedding"]
    save_file(state, tmp_path / "model.safetensors")
    for before, after in zip(whole, masks(tmp_path), strict=True):
        np.testing.assert_array_equal(after, before)
    del state[shared]
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(WeightsMismatch, match=r"lacks 'prompt_encoder\.shared_embedding"):
        load_model(str(tmp_path))


def test_the_rope_of_an_older_configuration_counts(folder: Path) -> None:
    before = masks(folder)
    config = json.loads((folder / "config.json").read_text())
    config["memory_attention_rope_theta"] = 5
    (folder / "config.json").write_text(json.dumps(config))
    assert any(not np.array_equal(a, b) for a, b in zip(before, masks(folder), strict=True))


def lose_a_norm(state: dict[str, Any], config: dict[str, Any]) -> None:
    del state["vision_encoder.backbone.timm_model.stages_0.blocks.0.se.fc1.weight"]


def gain_a_head(state: dict[str, Any], config: dict[str, Any]) -> None:
    state["vision_encoder.backbone.timm_model.head.weight"] = torch.zeros(2)


def name_another_encoder(state: dict[str, Any], config: dict[str, Any]) -> None:
    config["vision_config"]["backbone_config"]["architecture"] = "repvit_m2.dist_in1k"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lose_a_norm, r"no 'stages_0\.blocks\.0\.se\.fc1\.weight'"),
        (gain_a_head, r"'head\.weight'"),
        (name_another_encoder, "the encoder 'repvit_m2'"),
    ],
)
def test_an_encoder_that_does_not_fit_is_refused(
    folder: Path, spoil: Callable[[dict[str, Any], dict[str, Any]], None], message: str
) -> None:
    state = load_file(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    spoil(state, config)
    save_file(state, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsMismatch, match=message) as caught:
        load_model(str(folder))
    assert str(folder) in str(caught.value)
