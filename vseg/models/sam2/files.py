"""A folder as the transformers library saves it -> the parts of a model of the SAM 2 family.

Enters: config.json and safetensors files.  Leaves: SamParts, every tensor of the files in its
place and none missing.  Nothing is downloaded and nothing is unpickled.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from vseg.errors import WeightsMismatch
from vseg.models.sam2.config import empty_net, read_config
from vseg.models.sam2.hiera import HieraBackbone
from vseg.models.sam2.model import SamParts
from vseg.models.sam2.repvit import RepVit
from vseg.models.sam2.vision import HALF, IMAGENET, PlainEncoder, PyramidEncoder
from vseg.weights.state_dict import below
from vseg.weights.weight_files import weight_files

BACKBONE = "vision_encoder.backbone."
"""Where the library keeps an image encoder."""
_BOTH = "config.json and weights must be of one model: fetch or convert both again"
_SHARED = "shared_image_embedding.positional_embedding"
_SHARER = "prompt_encoder.shared_embedding.positional_embedding"


def read_parts(folder: Path, name: str) -> SamParts:
    """The parts of the model saved in a folder.  Raises WeightsMissing, WeightsMismatch."""
    config = read_config(folder)
    kind = config["model_type"]
    state, digest = _state(folder)
    if kind.startswith("sam3"):
        state = _tracker_of(state)
        config = (config.get("tracker_config") or config) | {"model_type": kind}
    # Releases 4 of the library write what two parts share once.
    if _SHARED in state:
        state.setdefault(_SHARER, state[_SHARED])
    net, repvit = empty_net(config, str(folder))
    if repvit:
        backbone = below(state, BACKBONE)
        state = {k: v for k, v in state.items() if not k.startswith(BACKBONE)}
    _load(net, state, folder, skip=BACKBONE if repvit else None)
    if kind.startswith("sam3"):
        encoder: nn.Module = PlainEncoder(net.vision_encoder, net.mask_decoder)
        return SamParts(name, digest, net, encoder, HALF)
    inner = (
        fold(backbone, str(folder)) if repvit else HieraBackbone(net.vision_encoder.backbone)
    )
    encoder = PyramidEncoder(inner, net.vision_encoder.neck, net.mask_decoder)
    return SamParts(name, digest, net, encoder, IMAGENET)


def fold(state: Mapping[str, Tensor], where: str) -> RepVit:
    """EdgeTAM's encoder of timm's tensors.  Raises WeightsMismatch that says where they are
    from.
    """
    try:
        return RepVit(state)
    except WeightsMismatch as error:
        raise WeightsMismatch(
            f"the encoder in {where}: {error.message}", hint=error.hint
        ) from error


def _state(folder: Path) -> tuple[dict[str, Tensor], str]:
    """All tensors of the folder's safetensors files, and one hash over the files."""
    state: dict[str, Tensor] = {}
    digest = hashlib.sha256()
    for path in weight_files(folder):
        try:
            held = load_file(path)
        except SafetensorError as error:
            raise WeightsMismatch(
                f"{path} is not a readable safetensors file: {error}", hint="fetch it again"
            ) from error
        broken = [name for name, tensor in held.items() if not tensor.isfinite().all()]
        if broken:
            raise WeightsMismatch(
                f"'{broken[0]}' in {path} holds numbers that are not finite",
                hint="fetch it again",
            )
        state |= held
        with path.open("rb") as handle:
            while piece := handle.read(1 << 24):
                digest.update(piece)
    return state, digest.hexdigest()


def _tracker_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """SAM 3's tracker, by the names of its own class; the rest of its detector is left out."""
    found = {}
    for name, tensor in state.items():
        key = name.removeprefix("tracker_model.")
        key = key.replace("detector_model.vision_encoder.backbone.", BACKBONE)
        key = key.replace("tracker_neck.", "vision_encoder.neck.")
        if not key.startswith("detector_model."):
            found[key] = tensor
    return found


@torch.no_grad()
def _load(net: Any, state: Mapping[str, Tensor], folder: Path, *, skip: str | None) -> None:
    """Put every tensor in its place.  Raises WeightsMismatch naming the first that does not
    fit.
    """
    own = {k: v for k, v in net.state_dict().items() if not (skip and k.startswith(skip))}
    missing = sorted(own.keys() - state.keys())
    extra = sorted(state.keys() - own.keys())
    if missing or extra:
        what = (
            f"lacks '{missing[0]}'"
            if missing
            else f"holds '{extra[0]}', which is not its model's"
        )
        counted = f"{len(missing)} missing, {len(extra)} unknown"
        raise WeightsMismatch(
            f"the weights in {folder}: the file {what} ({counted})", hint=_BOTH
        )
    for name, place in own.items():
        if state[name].shape != place.shape:
            found = tuple(state[name].shape)
            wanted = tuple(place.shape)
            raise WeightsMismatch(
                f"'{name}' in {folder} is {found}, its configuration says {wanted}", hint=_BOTH
            )
        place.copy_(state[name])
