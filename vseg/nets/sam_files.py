"""A folder as the transformers library saves it -> the parts of a model of the SAM 2 family.

Enters: config.json and safetensors files.  Leaves: SamParts, every tensor of the files in its place and none
missing.  Nothing is downloaded and nothing is unpickled.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from vseg.errors import WeightsMismatch, WeightsMissing
from vseg.nets.repvit import RepVit
from vseg.nets.sam import SamParts
from vseg.nets.sam_vision import HALF, IMAGENET, HieraBackbone, PlainEncoder, PyramidEncoder
from vseg.nets.state_dict import below

FAMILY = ("sam2_video", "edgetam_video", "sam3_tracker_video", "sam3_video")
"""`model_type` of the configurations that can be loaded."""
_INDEX = "model.safetensors.index.json"
_BACKBONE = "vision_encoder.backbone."


def read_parts(folder: Path, name: str) -> SamParts:
    """The parts of the model saved in a folder.  Raises WeightsMissing, WeightsMismatch."""
    config = _config(folder)
    kind = config["model_type"]
    state, digest = _state(folder)
    if kind.startswith("sam3"):
        state = _tracker_of(state)
        config = config.get("tracker_config") or config
    net, repvit = _build(kind, config, folder)
    if repvit:
        backbone = below(state, _BACKBONE)
        state = {k: v for k, v in state.items() if not k.startswith(_BACKBONE)}
    _load(net, state, folder, skip=_BACKBONE if repvit else None)
    if kind.startswith("sam3"):
        encoder: nn.Module = PlainEncoder(net.vision_encoder, net.mask_decoder)
        return SamParts(name, digest, net, encoder, HALF)
    inner = RepVit(backbone) if repvit else HieraBackbone(net.vision_encoder.backbone)
    encoder = PyramidEncoder(inner, net.vision_encoder.neck, net.mask_decoder)
    return SamParts(name, digest, net, encoder, IMAGENET)


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
        kind = config["model_type"]
    except OSError as error:
        raise WeightsMissing(
            f"no model in {folder}: {path.name} cannot be read",
            hint="give a folder with config.json and model.safetensors",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsMismatch(f"{path} does not describe a model: {error}") from error
    if kind not in FAMILY:
        raise WeightsMismatch(
            f"{folder} holds a '{kind}' model", hint=f"vseg runs {', '.join(FAMILY)}"
        )
    return config  # type: ignore[no-any-return]


def _state(folder: Path) -> tuple[dict[str, Tensor], str]:
    """All tensors of the folder's safetensors files, and one hash over the files."""
    state: dict[str, Tensor] = {}
    digest = hashlib.sha256()
    for path in weight_files(folder):
        try:
            state |= load_file(path)
        except SafetensorError as error:
            raise WeightsMismatch(
                f"{path} is not a readable safetensors file: {error}", hint="fetch it again"
            ) from error
        with path.open("rb") as handle:
            while piece := handle.read(1 << 24):
                digest.update(piece)
    return state, digest.hexdigest()


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a saved model, in order.  Raises WeightsMissing, WeightsMismatch."""
    index = folder / _INDEX
    names = ["model.safetensors"]
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
        except (ValueError, KeyError, AttributeError) as error:
            raise WeightsMismatch(f"{index} is not an index of weights: {error}") from error
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise WeightsMissing(
            f"no {missing[0]} in {folder}",
            hint="only safetensors files are read",
        )
    return [folder / name for name in names]


def _tracker_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """SAM 3's tracker, by the names of its own class; the rest of its detector is left out."""
    found = {}
    for name, tensor in state.items():
        key = name.removeprefix("tracker_model.")
        key = key.replace("detector_model.vision_encoder.backbone.", _BACKBONE)
        key = key.replace("tracker_neck.", "vision_encoder.neck.")
        if not key.startswith("detector_model."):
            found[key] = tensor
    return found


def _build(kind: str, config: dict[str, Any], folder: Path) -> tuple[Any, bool]:
    """The library's network, not yet loaded, and whether its backbone is EdgeTAM's RepViT.

    The library builds RepViT through timm; a small backbone stands in until ours takes its place.
    """
    from transformers import (
        EdgeTamVideoConfig,
        EdgeTamVideoModel,
        Sam2VideoConfig,
        Sam2VideoModel,
        Sam3TrackerVideoConfig,
        Sam3TrackerVideoModel,
    )

    vision = dict(config.get("vision_config") or {})
    repvit = vision.get("model_type") == "edgetam_vision_model"
    if repvit:
        vision["model_type"] = "sam2_vision_model"
        vision["backbone_config"] = {
            "model_type": "sam2_hiera_det_model",
            "embed_dim_per_stage": [8, 8, 8, 8],
            "num_attention_heads_per_stage": [1, 1, 1, 1],
            "hidden_size": 8,
            "blocks_per_stage": [1, 1, 1, 1],
            "global_attention_blocks": [],
        }
        config = config | {"vision_config": vision}
    config = {k: v for k, v in config.items() if k != "model_type"}
    try:
        if kind == "sam2_video":
            return Sam2VideoModel(Sam2VideoConfig(**config)), False
        if kind == "edgetam_video":
            return EdgeTamVideoModel(EdgeTamVideoConfig(**config)), repvit
        return Sam3TrackerVideoModel(Sam3TrackerVideoConfig(**config)), False
    except (TypeError, ValueError, AttributeError) as error:
        raise WeightsMismatch(f"{folder}/config.json does not fit '{kind}': {error}") from error


@torch.no_grad()
def _load(net: Any, state: Mapping[str, Tensor], folder: Path, *, skip: str | None) -> None:
    """Put every tensor in its place.  Raises WeightsMismatch naming the first that does not fit."""
    own = {k: v for k, v in net.state_dict().items() if not (skip and k.startswith(skip))}
    missing, extra = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    if missing or extra:
        what = (
            f"lacks '{missing[0]}'" if missing else f"holds '{extra[0]}', which is not its model's"
        )
        counted = f"{len(missing)} missing, {len(extra)} unknown"
        raise WeightsMismatch(f"the weights in {folder}: the file {what} ({counted})")
    for name, place in own.items():
        if state[name].shape != place.shape:
            found, wanted = tuple(state[name].shape), tuple(place.shape)
            raise WeightsMismatch(
                f"'{name}' in {folder} is {found}, its configuration says {wanted}"
            )
        place.copy_(state[name])
