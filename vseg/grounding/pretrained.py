"""A folder as the transformers library saves it -> its network, vocabulary and image settings.

Enters: config.json, safetensors, and the files of a tokenizer and an image processor.  Leaves:
Pretrained, every weight of its architecture in place, finite and on the device.  Nothing is
downloaded, nothing is unpickled, and torchvision is not needed.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vseg.errors import ModelError, WeightsMismatch, WeightsMissing
from vseg.io.files import sha256_of
from vseg.weights.device import open_device, open_dtype
from vseg.weights.memory_check import check_free_memory
from vseg.weights.transformers_logging import silence_transformers
from vseg.weights.weight_files import weight_files

Translate = Callable[[Path], tuple[Any, dict[str, torch.Tensor]]]
_AGAIN = "fetch the whole folder again"


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A loaded network.  kind: its model_type.  net: in evaluation mode, on `device`, in
    `dtype`.
    """

    name: str
    kind: str
    folder: Path
    net: Any
    sha256: str
    device: torch.device
    dtype: torch.dtype


@dataclass(frozen=True, slots=True)
class Placement:
    """The device and dtype of a model.

    device: cpu, cuda or cuda:N.  dtype: float32, bfloat16 or auto (bfloat16 on CUDA).
    smaller: names of models to try where this one finds too little memory.
    """

    device: str = "cpu"
    dtype: str = "auto"
    smaller: str = ""


def model_type(folder: Path) -> str:
    """The model_type in a folder's config.json.  Raises WeightsMissing, WeightsMismatch."""
    path = folder / "config.json"
    if not path.is_file():
        raise WeightsMissing(
            f"no config.json in {folder}",
            hint="give a folder that the transformers library saved, or a name of `vseg "
            "models list`",
        )
    try:
        config = json.loads(path.read_text("utf-8"))
        kind = config["model_type"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise WeightsMismatch(f"{path} does not describe a model", hint=_AGAIN) from error
    return str(kind)


def read_pretrained(
    folder: Path,
    name: str,
    classes: Mapping[str, str],
    place: Placement,
    translate: Translate | None = None,
) -> Pretrained:
    """The network saved in a folder, called `name`.

    classes: the names of the library's classes by the model_types that are accepted.
    translate: makes configuration and tensors of a folder that the library cannot read by
    itself.  Raises WeightsMissing, WeightsMismatch, DeviceMissing, UsageError, and ModelError
    for lack of memory.
    """
    kind = model_type(folder)
    if kind not in classes:
        raise WeightsMismatch(
            f"{folder} holds a '{kind}' model",
            hint=f"one of these is needed: {', '.join(classes)}",
        )
    device = open_device(place.device)
    dtype = open_dtype(place.dtype, device)
    files = weight_files(folder)
    hint = f"take a smaller model ({place.smaller}) or free memory" if place.smaller else None
    check_free_memory(
        name, files, device, hint=hint or "free memory, or run on a larger machine"
    )
    net = _network(folder, classes[kind], dtype, translate)
    net = net.eval().requires_grad_(False).to(device)
    return Pretrained(name, kind, folder, net, sha256_of(*files), device, dtype)


def read_tokenizer(folder: Path) -> Any:
    """The vocabulary of a saved model.  Raises WeightsMissing, WeightsMismatch."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    if not any(folder.glob("tokenizer*.json")):
        raise WeightsMissing(f"no tokenizer in {folder}", hint=_AGAIN)
    # The class for SigLIP's sentence pieces needs a package of its own, and the file beside
    # them does not.
    config = folder / "tokenizer_config.json"
    pieces = folder / "tokenizer.json"
    plain = (
        pieces.is_file() and config.is_file() and b'"SiglipTokenizer"' in config.read_bytes()
    )
    return _part(PreTrainedTokenizerFast if plain else AutoTokenizer, folder, "tokenizer")


def read_image_processor(folder: Path, kind: str) -> Any:
    """How a saved model wants its images, by the library's class `kind`.  Raises as
    read_tokenizer.
    """
    import transformers

    names = ("preprocessor_config.json", "processor_config.json")
    if not any((folder / name).is_file() for name in names):
        raise WeightsMissing(f"no {names[0]} in {folder}", hint=_AGAIN)
    return _part(getattr(transformers, kind), folder, "image processor")


def _part(reader: Any, folder: Path, what: str) -> Any:
    # Anything may fail in foreign code that reads a foreign file.
    try:
        with silence_transformers():
            return reader.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise WeightsMismatch(
            f"the {what} in {folder} cannot be read: {_first_line(error)}", hint=_AGAIN
        ) from error


def _network(folder: Path, kind: str, dtype: torch.dtype, translate: Translate | None) -> Any:
    """The network with all its weights.  Raises WeightsMismatch, ModelError."""
    import transformers

    config, state = (None, None) if translate is None else translate(folder)
    try:
        with silence_transformers():
            if config is None:
                config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
            net, report = getattr(transformers, kind).from_pretrained(
                folder if state is None else None,
                config=config,
                state_dict=state,
                dtype=dtype,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
            )
    except ImportError as error:
        raise ModelError(
            f"{folder} needs a package that is not here: {_first_line(error)}",
            hint="install it, or take another model of `vseg models list`",
        ) from error
    except MemoryError as error:
        raise ModelError(
            f"{folder} does not fit in memory", hint="take a smaller model"
        ) from error
    except Exception as error:
        raise WeightsMismatch(
            f"the weights in {folder} cannot be read: {_first_line(error)}", hint=_AGAIN
        ) from error
    absent = sorted(report["missing_keys"])
    if absent:
        raise WeightsMismatch(
            f"{folder} lacks {len(absent)} weights of its own architecture, such as "
            f"{absent[0]}",
            hint=_AGAIN,
        )
    broken = [key for key, value in net.state_dict().items() if not value.isfinite().all()]
    if broken:
        raise WeightsMismatch(
            f"'{broken[0]}' in {folder} holds numbers that are not finite", hint=_AGAIN
        )
    return net


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
