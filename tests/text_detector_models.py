"""Small random OmDet-Turbo and SAM 3 LiteText."""

import re
from typing import Any

import torch
import transformers
from torch import Tensor

from tests.sam_models import VIT
from tests.small_configs import CLIP_TEXT, CLIP_WORDS, NARROW, SWIN, sam3_parts

_TOKENS = {"max_position_embeddings": 48}


def omdet() -> Any:
    """With the library's own Swin, whose maps are normalised in it."""
    config = transformers.OmDetTurboConfig(
        backbone_config={**SWIN, "image_size": 96, "window_size": 3},
        text_config={**CLIP_TEXT, **_TOKENS},
        apply_layernorm_after_vision_backbone=False,
        image_size=96,
        text_projection_in_dim=32,
        text_projection_out_dim=32,
        class_embed_dim=32,
        task_encoder_hidden_dim=16,
        num_queries=20,
        encoder_hidden_dim=16,
        vision_features_channels=[16, 16, 16],
        encoder_in_channels=[32, 64, 128],
        encoder_attention_heads=2,
        encoder_dim_feedforward=32,
        decoder_hidden_dim=16,
        decoder_num_heads=2,
        decoder_num_layers=2,
        decoder_dim_feedforward=32,
    )
    return transformers.OmDetTurboForObjectDetection(config)


def sam3_lite_text() -> Any:
    """Its text encoder has position codes for more tokens than it is given."""
    text = {**CLIP_WORDS, **NARROW, **_TOKENS, "projection_dim": 32}
    config = transformers.Sam3LiteTextConfig(
        vision_config={**VIT, "fpn_hidden_size": 32},
        text_config={**text, "num_hidden_layers": 3, "repmixer_kernel_size": 3},
        **sam3_parts(32),
    )
    return transformers.Sam3LiteTextModel(config)


def as_timm_names_it(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """OmDet-Turbo's state as it is published: with the tensors of timm's Swin."""
    swin = {k.removeprefix(_SWIN): v for k, v in state.items() if k.startswith(_SWIN)}
    made = {k: v for k, v in state.items() if not k.startswith(_ENCODER)}
    for name, value in swin.items():
        if name.startswith("layernorm.") or re.search(r"\.[kv]_proj\.", name):
            continue
        if ".q_proj." in name:
            parts = [swin[name.replace(".q_proj.", f".{part}_proj.")] for part in "qkv"]
            value = torch.cat(parts)
        made[f"{_ENCODER}_backbone.{_timm_name(name)}"] = value
    for place in range(3):
        for kind in ("weight", "bias"):
            norm = state[f"{_ENCODER}hidden_states_norms.stage{place + 2}.{kind}"]
            made[f"vision_backbone.layer_norms.{place}.{kind}"] = norm
    return {name: value.contiguous() for name, value in made.items()}


def _timm_name(name: str) -> str:
    for own, timm in _TIMM_PARTS:
        name = name.replace(own, timm)
    found = re.fullmatch(r"layers_(\d)\.downsample\.(.+)", name)
    return name if found is None else f"layers_{int(found[1]) + 1}.downsample.{found[2]}"


_ENCODER = "vision_backbone.vision_backbone."
_SWIN = f"{_ENCODER}swin."
_TIMM_PARTS = (
    ("embeddings.patch_embeddings.projection", "patch_embed.proj"),
    ("embeddings.norm", "patch_embed.norm"),
    ("encoder.layers.", "layers_"),
    ("layernorm_before", "norm1"),
    ("layernorm_after", "norm2"),
    ("attention.q_proj", "attn.qkv"),
    ("attention.o_proj", "attn.proj"),
    ("attention.relative_position_bias.relative", "attn.relative"),
)
