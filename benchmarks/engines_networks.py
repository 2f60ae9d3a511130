"""Networks of the SAM 2 family of true size with random weights, for `engines.py`.

Every matrix is drawn so that its output has the scale of its input: with a library's own small
initial values activations fade to denormals, which a processor multiplies many times slower.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import EdgeTamVideoConfig, EdgeTamVideoModel, Sam2VideoConfig, Sam2VideoModel

from vseg.models.sam2.repvit import RepVit

_SHAPES = Path(__file__).resolve().parents[1] / "tests/golden/repvit.npz"
"""Names and shapes of RepViT-M1's tensors."""
_PRESENT = 2.0
"""Logit of the presence score: random objects would be mostly absent, and cost less."""

_HIERA: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "sam2.1-tiny": {
            "blocks_per_stage": [1, 2, 7, 2],
            "global_attention_blocks": [5, 7, 9],
        },
        "sam2.1-small": {
            "blocks_per_stage": [1, 2, 11, 2],
            "global_attention_blocks": [7, 10, 13],
        },
        "sam2.1-base-plus": {
            "hidden_size": 112,
            "embed_dim_per_stage": [112, 224, 448, 896],
            "num_attention_heads_per_stage": [2, 4, 8, 16],
            "blocks_per_stage": [2, 3, 16, 3],
            "global_attention_blocks": [12, 16, 20],
            "window_positional_embedding_background_size": [14, 14],
        },
        "sam2.1-large": {
            "hidden_size": 144,
            "embed_dim_per_stage": [144, 288, 576, 1152],
            "num_attention_heads_per_stage": [2, 4, 8, 16],
            "blocks_per_stage": [2, 6, 36, 4],
            "window_size_per_stage": [8, 4, 16, 8],
            "global_attention_blocks": [23, 33, 43],
        },
    }
)
NETWORKS = ("edgetam", *_HIERA)


def network(name: str, side: int) -> Any:
    """The transformers library's video model of that name for side x side pixels, in
    evaluation mode.

    Its EdgeTAM takes RepViT from timm; here it gets ours, folded, which is the faster one.
    """
    torch.manual_seed(0)
    cells = side // 16
    common = {
        "image_size": side,
        "prompt_encoder_config": {"image_size": side},
        "memory_attention_rope_feat_sizes": [cells, cells],
    }
    if name == "edgetam":
        merged = {
            "hidden_size": 8,
            "embed_dim_per_stage": [8, 8, 8, 8],
            "num_attention_heads_per_stage": [1, 1, 1, 1],
            "blocks_per_stage": [1, 1, 1, 1],
            "global_attention_blocks": [],
        }
        vision = _vision(side, merged, [384, 192, 96, 48])
        config = EdgeTamVideoConfig(
            vision_config=vision,
            enable_temporal_pos_encoding_for_object_pointers=False,
            **common,
        )
        net: Any = EdgeTamVideoModel(config)
        net.vision_encoder.backbone = _Adapted(_random_repvit())
    else:
        widths = _HIERA[name].get("embed_dim_per_stage", [96, 192, 384, 768])
        vision = _vision(side, _HIERA[name], widths[::-1])
        net = Sam2VideoModel(Sam2VideoConfig(vision_config=vision, **common))
    redraw(net)
    net.mask_decoder.pred_obj_score_head.proj_out.bias.data.fill_(_PRESENT)
    return net.eval().requires_grad_(False)


@torch.no_grad()
def redraw(net: nn.Module) -> None:
    """Draw every matrix anew with unit gain, except RepViT's, which have been drawn so."""
    drawn = {
        p for part in net.modules() if isinstance(part, RepVit) for p in part.parameters()
    }
    for name, parameter in net.named_parameters():
        if parameter.ndim > 1 and parameter not in drawn and "embed" not in name:
            parameter.normal_(std=parameter[0].numel() ** -0.5)


class _Adapted(nn.Module):
    """Our backbone with the output that the library's vision model expects of its own."""

    def __init__(self, backbone: RepVit) -> None:
        super().__init__()
        self.inner = backbone

    def forward(self, pixels: Tensor, **_: Any) -> SimpleNamespace:
        maps = tuple(level.permute(0, 2, 3, 1) for level in self.inner(pixels))
        return SimpleNamespace(
            last_hidden_state=maps[-1],
            intermediate_hidden_states=maps,
            hidden_states=None,
            attentions=None,
        )


def _vision(side: int, hiera: Mapping[str, Any], channels: list[int]) -> dict[str, Any]:
    cells = side // 16
    inner = {"model_type": "sam2_hiera_det_model", "image_size": [side, side], **hiera}
    return {
        "model_type": "sam2_vision_model",
        "backbone_config": inner,
        "backbone_channel_list": channels,
        "backbone_feature_sizes": [[cells * k, cells * k] for k in (4, 2, 1)],
    }


def _random_repvit() -> RepVit:
    with np.load(_SHAPES) as golden:
        lines = str(golden["names"]).splitlines()
    return RepVit(
        {name: _drawn(name, sizes) for name, _, sizes in (s.partition(" ") for s in lines)}
    )


def _drawn(name: str, sizes: str) -> Tensor:
    """Gains and variances near 1, small shifts, matrices of unit gain."""
    shape = tuple(int(size) for size in sizes.split(",") if size)
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    noise = torch.randn(shape)
    if len(shape) == 4:
        return noise.div(float(np.prod(shape[1:])) ** 0.5)
    if name.endswith(("running_var", "bn.weight")):
        return 1 + 0.5 * noise.tanh()
    return 0.2 * noise
