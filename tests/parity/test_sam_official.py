"""Published checkpoints of SAM 2 and EdgeTAM, converted, against arrays that their own code
made once.

`golden/make_sam_official.py` says how they were made: names and shapes of every published
architecture, and the masks of the published video predictor with a small network.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.golden import make_sam_official as official
from tests.golden.make_sam_official import SIDE, THIN, WIDTH
from vseg.config import INDEPENDENT_OBJECTS
from vseg.models.sam2.config import empty_net
from vseg.models.sam2.convert.convert import convert, renamed
from vseg.models.sam2.convert.sizes import ARCHITECTURES, architecture, recognised
from vseg.models.sam2.load import load_sam
from vseg.session.session import Session
from vseg.types import Box, Frame, Mask, Points, VisualPrompt

pytestmark = pytest.mark.integration

CONFIG = {
    "model_type": "sam2_video",
    "image_size": SIDE,
    "vision_config": {
        "model_type": "sam2_vision_model",
        "backbone_channel_list": [128, 64, 32, 16],
        "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
        "fpn_hidden_size": WIDTH,
        "backbone_config": {
            "model_type": "sam2_hiera_det_model",
            "hidden_size": 16,
            "image_size": [SIDE, SIDE],
            "embed_dim_per_stage": [16, 32, 64, 128],
            "num_attention_heads_per_stage": [1, 2, 4, 8],
            "blocks_per_stage": [1, 1, 2, 1],
            "window_size_per_stage": [4, 4, 4, 4],
            "global_attention_blocks": [3],
            "window_positional_embedding_background_size": [4, 4],
        },
    },
    "prompt_encoder_config": {"hidden_size": WIDTH, "image_size": SIDE},
    "mask_decoder_config": {"hidden_size": WIDTH},
    "memory_attention_hidden_size": WIDTH,
    "memory_attention_num_layers": 2,
    "memory_attention_feed_forward_hidden_size": 32,
    "memory_attention_rope_feat_sizes": [8, 8],
    "memory_encoder_hidden_size": WIDTH,
    "memory_encoder_output_channels": THIN,
    "mask_downsampler_embed_dim": WIDTH,
    "memory_fuser_embed_dim": WIDTH,
    "memory_fuser_intermediate_dim": 4 * WIDTH,
}
"""The small network of the golden file, as the library configures it."""


@pytest.fixture(scope="module")
def golden() -> Mapping[str, np.ndarray]:
    with np.load(official.GOLDEN) as file:
        return dict(file)


def blank(text: object, device: str) -> dict[str, Tensor]:
    """Tensors of the right shapes."""
    shapes = official.read(str(text))
    return {name: torch.zeros(shape, device=device) for name, shape in shapes}


def published(text: object) -> dict[str, Tensor]:
    """The weights that the published code had."""
    drawn = official.drawn(official.read(str(text)))
    return {name: torch.from_numpy(value) for name, value in drawn.items()}


@pytest.mark.parametrize("name", ["edgetam", *official.PUBLISHED])
def test_every_name_of_a_published_architecture_is_used(
    golden: Mapping[str, np.ndarray], name: str
) -> None:
    state = blank(golden[name], "cpu" if name == "edgetam" else "meta")
    found = recognised(state, "it")
    assert found == architecture(name) and name in ARCHITECTURES
    with torch.device("meta"):
        net, repvit = empty_net(found.config, "it")
    tensors = renamed(state, found.config, "it")
    body = {k for k in tensors if k.startswith("vision_encoder.backbone.timm_model.")}
    merged = {
        k for k in net.state_dict() if repvit and k.startswith("vision_encoder.backbone.")
    }
    assert tensors.keys() - body == net.state_dict().keys() - merged
    assert bool(body) == repvit == (name == "edgetam")


def test_a_converted_network_draws_the_published_predictors_masks(
    golden: Mapping[str, np.ndarray], tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    tensors = renamed(published(golden["small"]), CONFIG, "it")
    save_file(tensors, tmp_path / "model.safetensors")
    frames = [Frame(t, None, t / 10, image) for t, image in enumerate(official.film())]
    prompts: dict[int, VisualPrompt] = {
        1: Points(np.array([official.CLICK], np.float32), np.array([True])),
        2: Box(*official.BOX),
        3: Mask(official.disc()),
    }
    model = load_sam(tmp_path, "small", dtype="float32")
    for expected, (obj, prompt) in zip(golden["logits"], prompts.items(), strict=True):
        with Session(model, identity=INDEPENDENT_OBJECTS) as session:
            session.prompt(obj, frames[0], [prompt])
            logits = [session.step(frame).logits[0, ::2, ::2] for frame in frames]
        for t, theirs in zip(official.KEPT, expected, strict=True):
            scale = float(np.abs(theirs).max())
            np.testing.assert_allclose(logits[t], theirs, rtol=0, atol=1e-3 * scale)
    others = golden["logits"][[1, 2, 0]]
    apart = np.abs(golden["logits"] - others)[:, 1:].max(axis=(2, 3))
    assert apart.max(axis=1).min() > 1, "what objects remember shows in their masks"


def test_edgetams_perceiver_draws_the_published_tokens(
    golden: Mapping[str, np.ndarray],
) -> None:
    config = CONFIG | {
        "model_type": "edgetam_video",
        "perceiver_resampler_num_latents": official.LATENTS,
        "perceiver_resampler_num_latents_2d": official.GRID,
        "perceiver_resampler_hidden_size": THIN,
        "perceiver_resampler_attention_head_dim": THIN,
        "perceiver_resampler_mlp_intermediate_size": 4 * THIN,
    }
    del config["memory_attention_feed_forward_hidden_size"]
    net, _ = empty_net(config, "it")
    part = "spatial_perceiver."
    others = {k: v for k, v in published(golden["small"]).items() if "linear" not in k}
    mlp = {
        k: torch.zeros(v)
        for layer in range(2)
        for k, v in {
            f"memory_attention.layers.{layer}.linear1.weight": (2048, WIDTH),
            f"memory_attention.layers.{layer}.linear1.bias": (2048,),
            f"memory_attention.layers.{layer}.linear2.weight": (WIDTH, 2048),
            f"memory_attention.layers.{layer}.linear2.bias": (WIDTH,),
        }.items()
    }
    draws = {f"{part}{k}": v for k, v in published(golden["perceiver"]).items()}
    net.load_state_dict(renamed(others | mlp | draws, config, "it"))
    given = torch.from_numpy(official.memory_map())
    where = net.memory_encoder.position_encoding(given.shape, given.device, given.dtype)
    with torch.no_grad():
        latents, positions = net.eval().spatial_perceiver(given, where)
    np.testing.assert_allclose(latents.numpy(), golden["latents"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(positions.numpy(), golden["positions"], rtol=0, atol=1e-5)


def test_a_whole_file_becomes_a_folder_that_loads(
    golden: Mapping[str, np.ndarray], tmp_path: Path
) -> None:
    """True size: EdgeTAM, the smallest, with the names of the published file."""
    generator = torch.Generator().manual_seed(0)
    state = {
        name: 0.02 * torch.randn(shape, generator=generator) + name.endswith("running_var")
        for name, shape in official.read(str(golden["edgetam"]))
    }
    torch.save({"model": state}, tmp_path / "edgetam.pt")
    assert convert(tmp_path / "edgetam.pt", tmp_path / "edgetam").name == "edgetam"
    model = load_sam(tmp_path / "edgetam", "edgetam", dtype="float32")
    assert (model.recent_slots, model.recent_pointers) == (6, 15)
    written = load_file(tmp_path / "edgetam" / "model.safetensors")
    theirs = state["spatial_perceiver.layers.1.self_attn.to_kv.weight"]
    at = "spatial_perceiver.layers.1.self_attention."
    assert torch.equal(
        torch.cat([written[f"{at}k_proj.weight"], written[f"{at}v_proj.weight"]]), theirs
    )


def test_the_golden_file_is_small() -> None:
    assert Path(official.GOLDEN).stat().st_size < 60_000
