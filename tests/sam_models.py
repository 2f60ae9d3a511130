"""Small random models of the SAM 2 family, made by the transformers library and saved in its
format.

Every parameter is drawn at random, so that no term is zero or one by its initialisation.
"""

from pathlib import Path
from typing import Any

import torch
from transformers import (
    EdgeTamVideoConfig,
    EdgeTamVideoModel,
    PreTrainedModel,
    Sam2VideoConfig,
    Sam2VideoModel,
    Sam3TrackerVideoConfig,
    Sam3TrackerVideoModel,
)

from tests.random_weights import randomise

_NORMS = ("norm", "norm1", "norm2", "norm3", "norm4", "norm_final_attn")
_GAINS = tuple(f"{name}.weight" for name in _NORMS)
FAMILY = ("sam2", "edgetam", "sam3")
SIDE = 128
"""Pixels of the models' square input: 8 x 8 cells."""

_SIZES = {"backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]], "fpn_hidden_size": 128}
_HIERA = {
    "model_type": "sam2_vision_model",
    "backbone_channel_list": [128, 64, 32, 16],
    "backbone_config": {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": 16,
        "image_size": [SIDE, SIDE],
        "embed_dim_per_stage": [16, 32, 64, 128],
        "num_attention_heads_per_stage": [1, 1, 2, 2],
        "blocks_per_stage": [1, 1, 2, 1],
        "window_size_per_stage": [4, 4, 4, 4],
        "global_attention_blocks": [3],
        "window_positional_embedding_background_size": [4, 4],
    },
    **_SIZES,
}
VIT = {
    "model_type": "sam3_vision_model",
    "backbone_config": {
        "model_type": "sam3_vit_model",
        "hidden_size": 64,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": SIDE,
        "patch_size": 16,
        "window_size": 4,
        "global_attn_indexes": [1],
        "pretrain_image_size": 64,
    },
    **_SIZES,
}
_EDGE = {
    "memory_attention_mlp_hidden_size": 64,
    "memory_attention_rope_k_sizes": [4, 4],
    "perceiver_resampler_num_latents": 8,
    "perceiver_resampler_num_latents_2d": 16,
    "perceiver_resampler_mlp_intermediate_size": 32,
}
_COMMON = {
    "image_size": SIDE,
    "prompt_encoder_config": {"hidden_size": 128, "image_size": SIDE, "patch_size": 16},
    "mask_decoder_config": {
        "hidden_size": 128,
        "mlp_dim": 64,
        "num_attention_heads": 2,
        "iou_head_hidden_dim": 32,
    },
    "memory_attention_hidden_size": 128,
    "memory_attention_num_layers": 2,
    "memory_attention_rope_feat_sizes": [8, 8],
    "memory_encoder_hidden_size": 128,
    "memory_encoder_output_channels": 64,
    "mask_downsampler_embed_dim": 128,
    "memory_fuser_embed_dim": 128,
    "memory_fuser_intermediate_dim": 64,
}


def small_model(
    kind: str, *, seed: int = 0, presence: float = 2.0, **settings: Any
) -> PreTrainedModel:
    """A model of the family in evaluation mode.

    presence: what is added to the logit of an object's presence.  settings: of its
    configuration, over the small ones.
    """
    mlp = {"memory_attention_feed_forward_hidden_size": 64}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model: PreTrainedModel
        if kind == "edgetam":
            chosen = _COMMON | _EDGE | {"vision_config": _HIERA} | settings
            model = EdgeTamVideoModel(EdgeTamVideoConfig(**chosen))
        elif kind == "sam2":
            chosen = _COMMON | mlp | {"vision_config": _HIERA} | settings
            model = Sam2VideoModel(Sam2VideoConfig(**chosen))
        else:
            chosen = _COMMON | mlp | {"vision_config": VIT} | settings
            model = Sam3TrackerVideoModel(Sam3TrackerVideoConfig(**chosen))
        randomise(model, tables=("embedding", "encoding"), gains=_GAINS)
        # Otherwise random objects are mostly absent, and their masks empty.
        model.mask_decoder.pred_obj_score_head.proj_out.bias.data.fill_(presence)
    return model.eval()


def saved_model(kind: str, folder: Path, **settings: Any) -> PreTrainedModel:
    """A small model, also saved to a folder."""
    model = small_model(kind, **settings)
    model.save_pretrained(folder)
    return model
