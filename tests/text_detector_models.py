"""Small random OmDet-Turbo and SAM 3 LiteText."""

from typing import Any

import transformers

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
