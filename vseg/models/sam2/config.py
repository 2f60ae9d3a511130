"""A model's config.json -> the transformers library's network for it, not yet loaded.

Enters: a folder, or a configuration as the library writes it (releases 4.56 and later).
Leaves: the network whose tensors `sam_files` fills.  Its encoder may be one that only timm
could build: `vseg.models.sam2.repvit` takes its place.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vseg.errors import WeightsMismatch, WeightsMissing

_NETWORKS = {
    "sam2_video": "Sam2Video",
    "edgetam_video": "EdgeTamVideo",
    "sam3_tracker_video": "Sam3TrackerVideo",
    "sam3_video": "Sam3TrackerVideo",
}
"""The library's network by `model_type`, as its classes begin.  A new member of the family,
such as SAM 3.1's tracker, is a line here; one whose type begins with sam3 is read as SAM 3 is.
"""
FAMILY = tuple(_NETWORKS)
"""`model_type` of the configurations that can be loaded."""
_REPVIT = "repvit_m1"
_CHANNELS = [384, 192, 96, 48]
_STAND_IN = {
    "model_type": "sam2_hiera_det_model",
    "embed_dim_per_stage": [8, 8, 8, 8],
    "num_attention_heads_per_stage": [1, 1, 1, 1],
    "hidden_size": 8,
    "blocks_per_stage": [1, 1, 1, 1],
    "global_attention_blocks": [],
}
"""The smallest encoder the library builds by itself."""


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration in a folder, of a model of the family.  Raises WeightsMissing,
    WeightsMismatch.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
        kind = config["model_type"]
    except OSError as error:
        raise WeightsMissing(
            f"no model in {folder}: {path.name} cannot be read",
            hint="give a folder with config.json and model.safetensors; an official .pt file "
            "becomes one by `vseg models convert FILE.pt FOLDER`",
        ) from error
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise WeightsMismatch(
            f"{path} does not describe a model: it is no JSON object with a 'model_type'",
            hint="fetch the folder again, or write it with save_pretrained",
        ) from error
    if kind not in FAMILY:
        raise WeightsMismatch(
            f"{folder} holds a '{kind}' model", hint=f"vseg runs {', '.join(FAMILY)}"
        )
    return config  # type: ignore[no-any-return]


def empty_net(config: Mapping[str, Any], where: str) -> tuple[Any, bool]:
    """The library's network, and whether a RepViT belongs where it has a stand-in for the
    encoder.

    where: what the configuration is of, for messages.  Raises WeightsMismatch.
    """
    import transformers

    kind = config["model_type"]
    network = _NETWORKS[kind]
    make_config = getattr(transformers, f"{network}Config")
    make = getattr(transformers, f"{network}Model")
    try:
        given, repvit = _as_of_release_5(config, where)
        return make(make_config(**given)), repvit
    except WeightsMismatch:
        raise
    # Anything may fail in a library that builds a network from a foreign file.
    except Exception as error:
        said = " ".join(str(error).split())
        raise WeightsMismatch(
            f"the configuration of {where} does not fit '{kind}': {said}",
            hint="fetch the folder again, or write it with save_pretrained",
        ) from error


def _as_of_release_5(config: Mapping[str, Any], where: str) -> tuple[dict[str, Any], bool]:
    """The configuration's arguments, with a stand-in for RepViT; whether there was one."""
    given = {k: v for k, v in config.items() if k != "model_type"}
    if "memory_attention_rope_theta" in given:  # as releases 4 wrote it
        theta = given.pop("memory_attention_rope_theta")
        given["rope_parameters"] = {"rope_type": "axial", "rope_theta": theta}
    vision = dict(given.get("vision_config") or {})
    backbone = vision.get("backbone_config") or {}
    repvit = vision.get("model_type") == "edgetam_vision_model"
    if repvit:
        found = str(backbone.get("architecture", _REPVIT)).partition(".")[0]
        if backbone.get("model_type", "timm_wrapper") != "timm_wrapper" or found != _REPVIT:
            raise WeightsMismatch(
                f"{where} has the encoder '{found or backbone['model_type']}'",
                hint=f"of timm's encoders vseg runs {_REPVIT}, which is EdgeTAM's",
            )
        given["vision_config"] = (
            {"backbone_channel_list": _CHANNELS}
            | vision
            | {
                "model_type": "sam2_vision_model",
                "backbone_config": _STAND_IN,
            }
        )
    return given, repvit
