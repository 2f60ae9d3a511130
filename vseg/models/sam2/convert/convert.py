"""A checkpoint as Meta publishes it (.pt) -> a folder as the transformers library saves the
same network.

Enters: the file of github.com/facebookresearch/sam2 or EdgeTAM.  Leaves: config.json and
model.safetensors.  Every tensor of the network is looked up by the name it has in the
published file, so that what is missing is called by that name; whatever nobody asked for is an
error.  No code of the file is ever run.
"""

import json
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vseg.errors import OutputError, WeightsMismatch, WeightsMissing
from vseg.io.files import atomic_folder
from vseg.models.sam2.config import empty_net
from vseg.models.sam2.convert.names import in_halves, published_names
from vseg.models.sam2.convert.sizes import Architecture, architecture, recognised
from vseg.models.sam2.files import BACKBONE, fold
from vseg.weights.state_dict import below
from vseg.weights.tensor_file import save_tensors

_BODY = "image_encoder.trunk.body."
_CODE = re.compile(r"GLOBAL (\S+)")
_AS_PUBLISHED = "give the .pt file as it was published"


def convert(checkpoint: Path, folder: Path, name: str | None = None) -> Architecture:
    """The architecture of a published checkpoint, after writing `folder` with its config and
    weights.

    name: of the architecture; left out, it is recognised by the shapes.  Raises
    WeightsMissing, WeightsMismatch, ModelError for an unknown name, and OutputError where the
    folder is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(
            f"{folder} is in the way", hint="name a folder that does not exist yet"
        )
    chosen = architecture(name) if name is not None else None
    state = read_checkpoint(checkpoint)
    chosen = chosen or recognised(state, str(checkpoint))
    tensors = renamed(state, chosen.config, f"{checkpoint} as {chosen.name}")
    with atomic_folder(folder) as unfinished:
        text = json.dumps(chosen.config, indent=2)
        (unfinished / "config.json").write_text(f"{text}\n", "utf-8")
        save_tensors(tensors, unfinished / "model.safetensors", {"format": "pt"})
    return chosen


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The tensors of a published file by name.  Raises WeightsMissing, WeightsMismatch."""
    if not path.is_file():
        raise WeightsMissing(f"no checkpoint at {path}", hint=_AS_PUBLISHED)
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsMissing(f"{path} cannot be read: {error.strerror or error}") from error
    except MemoryError:
        raise
    # A damaged archive may fail anywhere in its reading.
    except Exception as error:
        code = _CODE.search(str(error)) if isinstance(error, pickle.UnpicklingError) else None
        if code:
            raise WeightsMismatch(
                f"{path} asks to run code ('{code[1]}'), which no published checkpoint does",
                hint="nothing of it was run; do not open it with another program either",
            ) from error
        raise WeightsMismatch(
            f"{path} cannot be read as a checkpoint: it is damaged or of another format",
            hint=_AS_PUBLISHED,
        ) from error
    state = held.get("model") if isinstance(held, dict) else None
    if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
        raise WeightsMismatch(
            f"{path} is not laid out as a published checkpoint: no tensors under 'model'",
            hint=_AS_PUBLISHED,
        )
    return state


def renamed(
    state: Mapping[str, Tensor], config: Mapping[str, Any], where: str
) -> dict[str, Tensor]:
    """The tensors of the network that `config` describes, from those of the published file.

    where: what the tensors are of, for messages.  Raises WeightsMismatch naming what is
    missing, left over or of another shape.
    """
    with torch.device("meta"):  # only names and shapes are asked for
        net, repvit = empty_net(config, where)
    found = {}
    left = set(state)
    if repvit:
        body = below(state, _BODY)
        fold(body, where)  # which takes every tensor of its part, or says what is wrong
        found = {f"{BACKBONE}timm_model.{name}": tensor for name, tensor in body.items()}
        left = {name for name in left if not name.startswith(_BODY)}
    wanted = {
        k: v for k, v in net.state_dict().items() if not (repvit and k.startswith(BACKBONE))
    }
    asked = {name: published_names(name) for name in wanted}
    missing = sorted({each for names in asked.values() for each in names} - set(state))
    left -= {each for names in asked.values() for each in names}
    if missing or left:
        what = f"lacks '{missing[0]}'" if missing else f"holds '{min(left)}', which it has not"
        raise WeightsMismatch(
            f"{where}: the checkpoint {what} ({len(missing)} missing, {len(left)} unknown)",
            hint="is it another architecture's file? See --as",
        )
    for name, place in wanted.items():
        found[name] = _joined(state, name, asked[name])
        if found[name].shape != place.shape:
            is_ = tuple(found[name].shape)
            should = tuple(place.shape)
            raise WeightsMismatch(
                f"{where}: '{asked[name][0]}' gives {is_}, the architecture says {should}",
                hint="is it another architecture's file? See --as",
            )
    return {name: tensor.clone().contiguous() for name, tensor in found.items()}


def _joined(state: Mapping[str, Tensor], name: str, published: tuple[str, ...]) -> Tensor:
    """One tensor of the network, of one or several in the file, or of half of one."""
    tensor = (
        torch.cat([state[each] for each in published])
        if published[1:]
        else state[published[0]]
    )
    half = in_halves(name)
    return tensor if half is None else tensor.chunk(2)[half]
