"""EdgeTAM in a folder laid out as its publisher's: RepViT by timm's names, a config.json of
release 4.57.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from tests.golden.make_repvit import GOLDEN, drawn
from tests.golden.make_sam_official import read
from tests.sam_models import SIDE, saved_model

_NECK = (384, 192, 96, 48)
_BACKBONE = "vision_encoder.backbone."


def published_layout(folder: Path) -> None:
    """Write a small EdgeTAM, but with the whole RepViT, as release 4.57 of transformers writes
    it.
    """
    import numpy as np

    saved_model("edgetam", folder)
    state = load_file(folder / "model.safetensors")
    # That release leaves out what shares its memory with another tensor.
    del state["prompt_encoder.shared_embedding.positional_embedding"]
    state = {k: v for k, v in state.items() if not k.startswith(_BACKBONE)}
    generator = torch.Generator().manual_seed(1)
    for level, channels in enumerate(_NECK):
        shape = (128, channels, 1, 1)
        state[f"vision_encoder.neck.convs.{level}.weight"] = (
            torch.randn(shape, generator=generator) * channels**-0.5
        )
    with np.load(GOLDEN) as golden:
        shapes = read(str(golden["names"]))
    for name, value in drawn(shapes).items():
        state[f"{_BACKBONE}timm_model.{name}"] = torch.from_numpy(value)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    _write_config(folder / "config.json")


def _write_config(path: Path) -> None:
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters")
    config |= {
        "transformers_version": "4.57.1",
        "torch_dtype": "float32",
        "memory_attention_rope_theta": int(rope["rope_theta"]),
        "vision_config": {
            "model_type": "edgetam_vision_model",
            "backbone_channel_list": list(_NECK),
            "backbone_config": {
                "architecture": "repvit_m1",
                "do_pooling": True,
                "initializer_range": 0.02,
                "label_names": ["LABEL_0", "LABEL_1"],
                "model_args": {
                    "features_only": True,
                    "in_chans": 3,
                    "out_indices": [0, 1, 2, 3],
                },
                "model_type": "timm_wrapper",
                "num_classes": 2,
            },
            "backbone_feature_sizes": [[SIDE // s] * 2 for s in (4, 8, 16)],
            "fpn_hidden_size": 128,
            "fpn_kernel_size": 1,
            "fpn_padding": 0,
            "fpn_stride": 1,
            "fpn_top_down_levels": [2, 3],
            "hidden_act": "gelu",
            "initializer_range": 0.02,
            "layer_norm_eps": 1e-06,
            "num_feature_levels": 3,
        },
    }
    path.write_text(json.dumps(config))
