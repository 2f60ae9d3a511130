"""OmDet-Turbo as it is published, with a Swin encoder in timm's format, without timm.

Enters: a folder whose config.json names an encoder of timm.  Leaves: the configuration with
the library's own Swin of the sizes that the tensors have, and the tensors by its names.  Both
are the network of Liu et al. 2021 (arXiv 2103.14030): timm keeps queries, keys and values in
one matrix, and the downsampling of a stage at the beginning of the next.
"""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from vseg.errors import WeightsMismatch
from vseg.weights.weight_files import weight_files

State = Mapping[str, Tensor]
_TIMM = "vision_backbone.vision_backbone._backbone."
_OWN = "vision_backbone.vision_backbone."
_BLOCK = re.compile(r"layers[._](\d+)\.blocks\.(\d+)\.(.+)")
_DOWNSAMPLE = re.compile(r"layers[._](\d+)\.downsample\.(.+)")
_PARTS = (
    ("patch_embed.proj.", "swin.embeddings.patch_embeddings.projection."),
    ("patch_embed.norm.", "swin.embeddings.norm."),
    ("norm1.", "layernorm_before."),
    ("norm2.", "layernorm_after."),
    ("attn.proj.", "attention.o_proj."),
    ("attn.relative_", "attention.relative_position_bias.relative_"),
    ("mlp.", "mlp."),
)
"""How names begin, with timm and with the library."""
_MADE_ANEW = ("relative_position_index", "attn_mask")
"""Tables that follow from the sizes."""


def has_timm_encoder(folder: Path) -> bool:
    """Whether the configuration in a folder names an encoder of timm, or leaves it out: then
    it is timm's by the library's rule.
    """
    config = json.loads((folder / "config.json").read_text("utf-8"))
    backbone = config.get("backbone_config")
    kind = backbone.get("model_type") if isinstance(backbone, dict) else None
    return backbone is None or kind == "timm_backbone"


def without_timm(folder: Path) -> tuple[Any, dict[str, Tensor]]:
    """The configuration and the state of the same network, as the library builds it itself.

    Raises WeightsMissing, WeightsMismatch.
    """
    import transformers

    state: dict[str, Tensor] = {}
    try:
        for path in weight_files(folder):
            state |= load_file(path)
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
    except (SafetensorError, ValueError, OSError) as error:
        raise WeightsMismatch(
            f"the model in {folder} cannot be read: {error}",
            hint="fetch the whole folder again",
        ) from error
    encoder = {k.removeprefix(_TIMM): v for k, v in state.items() if k.startswith(_TIMM)}
    rest = {k: v for k, v in state.items() if not k.startswith(_TIMM)}
    config.backbone_config = transformers.SwinConfig(
        **_sizes(encoder, folder), image_size=config.image_size, out_indices=[2, 3, 4]
    )
    # The library's Swin normalises its maps itself.
    config.apply_layernorm_after_vision_backbone = False
    config.timm_kwargs = {}
    norms = {
        f"{_OWN}hidden_states_norms.stage{place + 2}.{kind}": rest[norm]
        for place in range(3)
        for kind in ("weight", "bias")
        if (norm := f"vision_backbone.layer_norms.{place}.{kind}") in rest
    }
    # The library's Swin ends in a normalisation that none of the maps passes through.
    width = config.backbone_config.hidden_size
    last = {"weight": torch.ones(width), "bias": torch.zeros(width)}
    norms |= {f"{_OWN}swin.layernorm.{kind}": value for kind, value in last.items()}
    return config, {**rest, **norms, **_renamed(encoder, folder)}


def _sizes(encoder: State, folder: Path) -> dict[str, Any]:
    """The sizes of a Swin, from the shapes of its tensors.  Raises WeightsMismatch."""
    depths: dict[int, int] = {}
    heads: dict[int, int] = {}
    window = 0
    for name, value in encoder.items():
        found = _BLOCK.fullmatch(name)
        if found and found[3] == "attn.relative_position_bias_table":
            stage = int(found[1])
            depths[stage] = depths.get(stage, 0) + 1
            heads[stage] = value.shape[1]
            window = (math.isqrt(value.shape[0]) + 1) // 2
    patch = encoder.get("patch_embed.proj.weight")
    if patch is None or sorted(depths) != [0, 1, 2, 3]:
        raise WeightsMismatch(
            f"the encoder in {folder} is of timm, and no Swin of four stages",
            hint="take another model of `vseg models list`",
        )
    return {
        "embed_dim": patch.shape[0],
        "patch_size": patch.shape[2],
        "depths": [depths[stage] for stage in range(4)],
        "num_heads": [heads[stage] for stage in range(4)],
        "window_size": window,
    }


def _renamed(encoder: State, folder: Path) -> dict[str, Tensor]:
    """The tensors by the library's names.  Raises WeightsMismatch for one it has not."""
    made: dict[str, Tensor] = {}
    for name, value in encoder.items():
        if name.endswith(_MADE_ANEW):
            continue
        block = _BLOCK.fullmatch(name)
        downsample = _DOWNSAMPLE.fullmatch(name)
        if block and block[3].startswith("attn.qkv."):
            place = f"{_OWN}swin.encoder.layers.{block[1]}.blocks.{block[2]}.attention."
            kind = block[3].removeprefix("attn.qkv.")
            parts = zip(("q_proj", "k_proj", "v_proj"), value.chunk(3), strict=True)
            made |= {f"{place}{part}.{kind}": rows.contiguous() for part, rows in parts}
        elif block:
            place = f"{_OWN}swin.encoder.layers.{block[1]}.blocks.{block[2]}."
            made[place + _part(block[3], folder)] = value
        elif downsample:
            stage = int(downsample[1]) - 1
            made[f"{_OWN}swin.encoder.layers.{stage}.downsample.{downsample[2]}"] = value
        else:
            made[_OWN + _part(name, folder)] = value
    return made


def _part(name: str, folder: Path) -> str:
    for timm, own in _PARTS:
        if name.startswith(timm):
            return own + name.removeprefix(timm)
    raise WeightsMismatch(
        f"the encoder in {folder} has '{name}', which no Swin has",
        hint="take another model of `vseg models list`",
    )
