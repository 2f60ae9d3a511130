"""Small random detectors of a fixed list of classes, made and saved by transformers.

They have few classes, among them rows without a name, as the ids of COCO have gaps.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import transformers

from tests.random_weights import saved_random
from tests.small_configs import DETR_DECODER

NAMES = {0: "N/A", 1: "person", 2: "car", 3: "hot dog", 4: "mouse"}
SIDE = 96
GAINS = ("norm.weight", "norm1.weight", "norm2.weight", "norm3.weight")


def saved_detector(kind: str, folder: Path, *, seed: int = 0) -> Any:
    """A small random detector of a kind in DETECTORS, also saved with its image processor."""
    net = saved_random(_MAKERS[kind], folder, seed=seed, tables=("embed_tokens",), gains=GAINS)
    images_of(kind).save_pretrained(folder)
    return net


def images_of(kind: str) -> Any:
    """How a detector of this kind wants its images."""
    size = {"height": SIDE, "width": SIDE}
    if kind.startswith("rf-detr"):
        return transformers.DetrImageProcessorPil(size=size)
    if kind == "lw-detr":
        return transformers.DeformableDetrImageProcessorPil(size=size)
    # D-FINE and DEIMv2 of HGNetV2 were trained on images that are not normalised.
    return transformers.RTDetrImageProcessorPil(size=size, do_normalize=False)


# Both of RF-DETR and of LW-DETR.
_WINDOWED = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "mlp_ratio": 1,
    "image_size": SIDE,
}
_DECODER = {
    **DETR_DECODER,
    "group_detr": 2,
    "decoder_n_points": 2,
    "decoder_self_attention_heads": 2,
    "decoder_cross_attention_heads": 4,
}


def _rf_detr(net: str) -> Any:
    backbone = {
        **_WINDOWED,
        "model_type": "rf_detr_dinov2",
        "patch_size": 12,
        "num_windows": 2,
        "out_features": ["stage1", "stage2"],
    }
    config = transformers.RfDetrConfig(
        backbone_config=backbone,
        id2label=NAMES,
        c2f_num_blocks=1,
        intermediate_size=32,
        **_DECODER,
    )
    return getattr(transformers, net)(config)


def _lw_detr() -> Any:
    backbone = {
        **_WINDOWED,
        "model_type": "lw_detr_vit",
        "pretrain_image_size": SIDE,
        "num_windows": 4,
        "window_block_indices": [0],
        "out_indices": [1, 2],
    }
    config = transformers.LwDetrConfig(
        backbone_config=backbone,
        id2label=NAMES,
        projector_scale_factors=[1.0],
        c2f_num_blocks=1,
        **_DECODER,
    )
    return transformers.LwDetrForObjectDetection(config)


def _hgnet(family: str) -> Any:
    backbone = {
        "model_type": "hgnet_v2",
        "embedding_size": 8,
        "stem_channels": [3, 8, 8],
        "stage_in_channels": [8, 16, 16, 16],
        "stage_mid_channels": [8, 8, 8, 8],
        "stage_out_channels": [16, 16, 16, 16],
        "hidden_sizes": [16, 16, 16, 16],
        "depths": [1, 1, 1, 1],
        "stage_num_blocks": [1, 1, 1, 1],
        "stage_numb_of_layers": [1, 1, 1, 1],
        "out_indices": [3, 4],
    }
    config = getattr(transformers, f"{family}Config")(
        backbone_config=backbone,
        id2label=NAMES,
        encoder_hidden_dim=32,
        encoder_in_channels=[16, 16],
        feat_strides=[16, 32],
        encode_proj_layers=[1],
        encoder_ffn_dim=32,
        encoder_attention_heads=2,
        hidden_expansion=0.5,
        depth_mult=0.34,
        decoder_in_channels=[32, 32],
        num_feature_levels=2,
        decoder_n_points=[2, 2],
        decoder_attention_heads=2,
        num_denoising=0,
        max_num_bins=8,
        top_prob_values=2,
        lqe_hidden_dim=8,
        **DETR_DECODER,
    )
    return getattr(transformers, f"{family}ForObjectDetection")(config)


_MAKERS: dict[str, Callable[[], Any]] = {
    "rf-detr-seg": lambda: _rf_detr("RfDetrForInstanceSegmentation"),
    "rf-detr": lambda: _rf_detr("RfDetrForObjectDetection"),
    "d-fine": lambda: _hgnet("DFine"),
    "deimv2": lambda: _hgnet("Deimv2"),
    "lw-detr": _lw_detr,
}
DETECTORS = tuple(_MAKERS)
