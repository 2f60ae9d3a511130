"""A vision model of the transformers library as a function from images to feature maps.

Enters: a folder that `save_pretrained` wrote, or the hub's name of one.  Leaves: a Backbone:
maps of several strides, the normalisation its preprocessor names, the hash of its weights.  An
architecture that is a backbone gives the maps of all its stages; the SAM 2 family, read as
`vseg track` reads it, those of its image encoder's pyramid; any other vision transformer its
last tokens as a grid.  Only safetensors are read: no pickle runs.
"""

import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vseg.errors import WeightsMismatch, WeightsMissing
from vseg.io.files import sha256_of
from vseg.models.nano.encoder import MEAN, STD
from vseg.models.sam2.files import read_parts
from vseg.models.sam2.model import SamParts
from vseg.training.distill.licence import UNKNOWN, licence_in
from vseg.weights.transformers_logging import silence_transformers

Triple = tuple[float, float, float]
Maps = Callable[[Float[Tensor, "B 3 H W"]], Sequence[Tensor]]

# Parts that are not learned, or that no map passes through: their absence from a file changes
# nothing.
_HARMLESS = ("hidden_states_norms", "pooler", "mask_token")
# The pyramid of a SAM encoder adds a stride-32 map, enlarged, to the next finer one: sides of
# its images must hold whole cells of it.
_PYRAMID_MULTIPLE = 32
# Weights, settings, and what says under which licence they are.
_FETCHED = ["*.json", "*.safetensors", "README.md", "LICENSE*"]
# Models that track, whose encoders timm need not build.
_TRACKERS = ("sam2_video", "edgetam_video")


@dataclass(frozen=True, slots=True)
class Backbone:
    """A frozen model ready on its device, in its dtype.

    maps: from normalised RGB to (B, C, h, w) maps.  mean, std: of RGB in [0, 1].  multiple:
    the sides of its images must be multiples of this.  licence: of its weights.
    """

    maps: Maps
    sha256: str
    dtype: torch.dtype
    mean: Triple = MEAN
    std: Triple = STD
    multiple: int = 1
    licence: str = UNKNOWN


def load_pretrained(name: str, device: torch.device, dtype: torch.dtype) -> Backbone:
    """The transformers model in the folder `name`, or of that name on the hub.

    Raises WeightsMissing (no such folder, not on the hub, no network) and WeightsMismatch.
    """
    folder = Path(name) if Path(name).is_dir() else _download(name)
    files = sorted(folder.glob("*.safetensors"))
    if not (folder / "config.json").is_file() or not files:
        raise WeightsMissing(
            f"{folder} holds no transformers model: it needs config.json and *.safetensors",
            hint='write it with model.save_pretrained("FOLDER")',
        )
    mean, std = _normalisation(folder)
    licence = licence_in(folder)
    if _kind(folder) in _TRACKERS:
        pyramid = _Pyramid(read_parts(folder, name)).eval().requires_grad_(False)
        maps: Maps = pyramid.to(device, dtype)
        multiple = _PYRAMID_MULTIPLE
        return Backbone(maps, sha256_of(*files), dtype, mean, std, multiple, licence)
    model = _model(folder, dtype)
    maps, multiple = _maps_of(model.eval().requires_grad_(False).to(device), folder)
    return Backbone(maps, sha256_of(*files), dtype, mean, std, multiple, licence)


class _Pyramid(nn.Module):
    """The encoder and neck of SAM 2 or EdgeTAM: maps of strides 4, 8 and 16, of as many
    channels each.
    """

    def __init__(self, parts: SamParts) -> None:
        super().__init__()
        self.backbone: Any = parts.encoder.backbone
        self.convs = parts.net.vision_encoder.neck.convs

    def forward(self, pixels: Float[Tensor, "B 3 H W"]) -> list[Tensor]:
        """The maps, finest first."""
        four, eight, sixteen, last = self.backbone(pixels)
        above = F.interpolate(self.convs[0](last), scale_factor=2.0, mode="nearest")
        return [self.convs[3](four), self.convs[2](eight), self.convs[1](sixteen) + above]


def _kind(folder: Path) -> str | None:
    """The model type that a folder's configuration names, None if it names none or cannot be
    read.
    """
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except ValueError:
        return None
    kind = config.get("model_type") if isinstance(config, dict) else None
    return kind if isinstance(kind, str) else None


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
    )

    advice = (
        "give a folder that save_pretrained wrote, a .ts, .pt or .pt2 file, or fetch it where "
        f"there is a network: hf download {name} --local-dir FOLDER"
    )
    try:
        return Path(snapshot_download(name, allow_patterns=_FETCHED))
    except HFValidationError as error:
        raise WeightsMissing(f"no teacher at {name}", hint=advice) from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise WeightsMissing(
            f"no teacher at {name}: it is no file or folder here, and the hub says: {reason}",
            hint=advice,
        ) from error


def _model(folder: Path, dtype: torch.dtype) -> Any:
    """The model with all its weights from the folder."""
    from transformers import AutoConfig, AutoModel
    from transformers.models.auto.modeling_auto import MODEL_FOR_BACKBONE_MAPPING

    options: dict[str, Any] = {
        "dtype": dtype,
        "local_files_only": True,
        "use_safetensors": True,
        "output_loading_info": True,
    }
    kind: Any = AutoModel
    # Anything may fail in foreign code that builds a network from a foreign file.
    try:
        with silence_transformers():
            config = AutoConfig.from_pretrained(folder, local_files_only=True)
            # Not AutoBackbone itself: it asks the hub even about a folder that is here.
            if type(config) in MODEL_FOR_BACKBONE_MAPPING:
                kind = MODEL_FOR_BACKBONE_MAPPING[type(config)]
                options["out_indices"] = list(range(1, len(config.stage_names)))
            model, report = kind.from_pretrained(folder, **options)
    except ImportError as error:
        reason = str(error).strip().split("\n")[0]
        raise WeightsMismatch(
            f"{folder} needs a package that is not here: {reason}", hint="pip install timm"
        ) from error
    except Exception as error:
        raise WeightsMismatch(
            f"{folder} is not a model that transformers can load: {error}",
            hint="give a folder written by save_pretrained, e.g. "
            'AutoModel...save_pretrained("DIR")',
        ) from error
    absent = sorted(key for key in report["missing_keys"] if _matters(model, key))
    if absent:
        raise WeightsMismatch(
            f"{folder} lacks {len(absent)} weights of its own architecture, such as "
            f"{absent[0]}",
            hint="download the whole model again",
        )
    return model


def _matters(model: Any, key: str) -> bool:
    if hasattr(model, "vision_encoder") and not key.startswith("vision_encoder."):
        return False
    return not any(part in _HARMLESS for part in key.split("."))


def _maps_of(model: Any, folder: Path) -> tuple[Maps, int]:
    """The function from images to the model's maps, and what the sides of its images must be
    multiples of.
    """
    if hasattr(model, "vision_encoder"):
        encoder: nn.Module = model.vision_encoder
        return (lambda image: encoder(image).fpn_hidden_states), _PYRAMID_MULTIPLE
    if model.main_input_name != "pixel_values":
        raise WeightsMismatch(
            f"{folder} is a {model.config.model_type} model, which takes more than images",
            hint="give a vision model, such as DINOv2, ConvNeXt or SAM 2",
        )
    if hasattr(model, "out_features"):
        return (lambda image: model(image).feature_maps), 1
    patch = getattr(model.config, "patch_size", None)
    if not isinstance(patch, int):
        raise WeightsMismatch(
            f"{folder} is a {model.config.model_type} model, neither a backbone nor a "
            "transformer on square patches",
            hint="export it as a module that returns its maps: see torch.export",
        )
    named = inspect.signature(model.forward).parameters
    more = {"interpolate_pos_encoding": True} if "interpolate_pos_encoding" in named else {}
    return (lambda image: [_grid(model(image, **more).last_hidden_state, image, patch)]), 1


def _grid(
    tokens: Float[Tensor, "B N C"], image: Float[Tensor, "B 3 H W"], patch: int
) -> Float[Tensor, "B C h w"]:
    """The tokens of patches, which come last, as a map; class and register tokens are
    dropped.
    """
    h, w = (side // patch for side in image.shape[2:])
    return tokens[:, -h * w :].transpose(1, 2).reshape(len(tokens), -1, h, w)


def _normalisation(folder: Path) -> tuple[Triple, Triple]:
    """Mean and deviation of RGB in [0, 1] as the folder's preprocessor names them, else
    ImageNet's.
    """
    path = folder / "preprocessor_config.json"
    if not path.is_file():
        return MEAN, STD
    try:
        settings = json.loads(path.read_text("utf-8"))
        if not settings.get("do_normalize", True):
            return (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
        r, g, b = (float(value) for value in settings.get("image_mean", MEAN))
        dr, dg, db = (float(value) for value in settings.get("image_std", STD))
    except (ValueError, TypeError, AttributeError) as error:
        raise WeightsMismatch(
            f"{path} does not hold three numbers for image_mean and for image_std: {error}",
            hint="repair or remove the file; without it ImageNet's normalisation is used",
        ) from error
    return (r, g, b), (dr, dg, db)
