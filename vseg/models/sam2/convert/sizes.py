"""The published architectures of the SAM 2 family: what tells them apart, and their
config.json.

Enters: the names and shapes of a published checkpoint (github.com/facebookresearch/sam2 and
EdgeTAM).  Leaves: an Architecture with the config.json of the same network.  Sizes are those
of the published configurations; what a shape cannot tell (windows, global blocks) follows from
the size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import Tensor

from vseg.errors import ModelError, WeightsMismatch

_TRUNK = "image_encoder.trunk."
_AGES = "obj_ptr_tpos_proj.weight"
"""What SAM 2.1 has and SAM 2 has not: pointers that know their age."""


@dataclass(frozen=True, slots=True)
class _Hiera:
    """One size of the encoder: channels and heads of its first stage, blocks of each,
    windows.
    """

    width: int
    heads: int
    blocks: tuple[int, int, int, int]
    everywhere: tuple[int, int, int]
    windows: tuple[int, int, int, int] = (8, 4, 14, 7)
    background: int = 7

    def config(self) -> dict[str, Any]:
        """The vision part of a config.json."""
        widths = [self.width << stage for stage in range(4)]
        return {
            "model_type": "sam2_vision_model",
            "backbone_channel_list": widths[::-1],
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": self.width,
                "num_attention_heads": self.heads,
                "embed_dim_per_stage": widths,
                "num_attention_heads_per_stage": [self.heads << stage for stage in range(4)],
                "blocks_per_stage": list(self.blocks),
                "global_attention_blocks": list(self.everywhere),
                "window_size_per_stage": list(self.windows),
                "window_positional_embedding_background_size": [self.background] * 2,
            },
        }


_SIZES: Mapping[str, _Hiera] = MappingProxyType(
    {
        "tiny": _Hiera(96, 1, (1, 2, 7, 2), (5, 7, 9)),
        "small": _Hiera(96, 1, (1, 2, 11, 2), (7, 10, 13)),
        "base-plus": _Hiera(112, 2, (2, 3, 16, 3), (12, 16, 20), background=14),
        "large": _Hiera(144, 2, (2, 6, 36, 4), (23, 33, 43), windows=(8, 4, 16, 8)),
    }
)
_REPVIT = {
    "model_type": "edgetam_vision_model",
    "backbone_config": {
        "model_type": "timm_wrapper",
        "architecture": "repvit_m1",
        "model_args": {"in_chans": 3, "features_only": True, "out_indices": [0, 1, 2, 3]},
    },
}
ARCHITECTURES = ("edgetam", *(f"{v}-{size}" for v in ("sam2", "sam2.1") for size in _SIZES))
"""Names of the architectures that can be converted."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A published network: its name and its config.json for the transformers library."""

    name: str
    config: dict[str, Any]


def architecture(name: str) -> Architecture:
    """The architecture of that name.  Raises ModelError for a name that is none."""
    if name not in ARCHITECTURES:
        raise ModelError(
            f"no architecture '{name}'", hint=f"known: {', '.join(ARCHITECTURES)}"
        )
    version, _, size = name.partition("-")
    edge = name == "edgetam"
    new = version == "sam2.1"
    return Architecture(
        name,
        {
            "model_type": "edgetam_video" if edge else "sam2_video",
            "architectures": ["EdgeTamVideoModel" if edge else "Sam2VideoModel"],
            "vision_config": _REPVIT if edge else _SIZES[size].config(),
            "enable_temporal_pos_encoding_for_object_pointers": new,
            "enable_occlusion_spatial_embedding": new,
        },
    )


def recognised(state: Mapping[str, Tensor], where: str) -> Architecture:
    """The architecture of a published checkpoint, by its shapes.  Raises WeightsMismatch."""
    if any(name.startswith(f"{_TRUNK}body.") for name in state):
        return architecture("edgetam")
    patches = state.get(f"{_TRUNK}patch_embed.proj.weight")
    blocks = {name.split(".")[3] for name in state if name.startswith(f"{_TRUNK}blocks.")}
    for size, hiera in _SIZES.items():
        if patches is not None and (len(patches), len(blocks)) == (
            hiera.width,
            sum(hiera.blocks),
        ):
            return architecture(f"{'sam2.1' if _AGES in state else 'sam2'}-{size}")
    held = (
        "no image encoder of that family"
        if patches is None
        else f"an encoder of {len(patches)} channels and {len(blocks)} blocks"
    )
    raise WeightsMismatch(
        f"{where} is no published model of the SAM 2 family: it holds {held}",
        hint=f"known: {', '.join(ARCHITECTURES)}",
    )
