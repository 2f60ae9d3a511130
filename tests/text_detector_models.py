"""Small random OmDet-Turbo and SAM 3 LiteText."""

import re
from typing import Any

import torch
import transformers
from torch import Tensor

from tests.sam_models import VIT

_CLIP = {
    "vocab_size": 514,
    "hidden_size": 32,
    "intermediate_size": 32,
    "projection_dim": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "max_position_embeddings": 48,
    "bos_token_id": 512,
    "eos_token_id": 513,
}


def omdet() -> Any:
    """With the library's own Swin, whose maps are normalised in it."""
    backbone = {
        "model_type": "swin",
        "image_size": 96,
        "embed_dim": 16,
        "depths": [1, 1, 1, 1],
        "num_heads": [1, 1, 2, 2],
        "window_size": 3,
        "out_indices": [2, 3, 4],
    }
    config = transformers.OmDetTurboConfig(
        backbone_config=backbone,
        text_config={"model_type": "clip_text_model", **_CLIP},
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
    layers = {"hidden_size": 32, "num_attention_heads": 2}
    deep = {**layers, "num_layers": 1, "intermediate_size": 32}
    config = transformers.Sam3LiteTextConfig(
        vision_config={**VIT, "fpn_hidden_size": 32},
        text_config={**_CLIP, "num_hidden_layers": 3, "repmixer_kernel_size": 3},
        geometry_encoder_config=deep,
        detr_encoder_config=deep,
        detr_decoder_config={**deep, "num_queries": 12},
        mask_decoder_config=layers,
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
