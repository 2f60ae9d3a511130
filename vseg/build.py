"""The composition root: names become objects here, and only here is every concrete class
known.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from vseg.errors import BadVideo, ModelError, UsageError, WeightsMismatch, WeightsMissing
from vseg.interfaces.grounder import Grounder
from vseg.interfaces.model import Model
from vseg.interfaces.reader import OpenReader
from vseg.weights.catalogue import GROUNDERS, IMAGE_TEXT, PUBLISHED
from vseg.weights.hub import Published, folder_of, pull

if TYPE_CHECKING:
    from vseg.grounding.image_text import ImageText
    from vseg.models.onnx.export import LoopSizes

MODELS = ("nano", *PUBLISHED)
_CATALOGUE: Mapping[str, Published] = MappingProxyType(
    {**PUBLISHED, **GROUNDERS, **IMAGE_TEXT},
)


def open_video(source: str | Path, reader: str = "auto") -> OpenReader:
    """A reader over a video file or a folder of images; close it, or use it in a `with`.

    reader: auto, pyav, decord or images.  Raises BadVideo or ReaderUnsuitable.
    """
    from vseg.video import open_source

    opened = open_source(source, reader)
    if not isinstance(opened, OpenReader):
        opened.close()
        raise BadVideo(
            f"{source} is a live source: it has no length and no frame numbers",
            hint="record it to a file first, or feed its frames to Session.step",
        )
    return opened


def load_model(
    name: str = "nano",
    *,
    device: str = "cpu",
    dtype: str = "auto",
    short_side: int = 384,
    weights: Path | None = None,
    flip: bool = False,
) -> Model:
    """The model called `name` on a device, ready to be shared by any number of sessions.

    name: one of MODELS, or a folder with a model of the SAM 2 family.  weights: of nano, a
    file of that architecture; the embedded one if left out.  short_side: nano's frames are
    scaled to it, in pixels.  flip: nano looks at every frame mirrored too, at half the speed.
    Nothing is downloaded.  Raises ModelError for an unknown name, DeviceMissing,
    WeightsMissing, WeightsMismatch, UsageError.
    """
    if name == "nano":
        from vseg.models.nano.flip_tta import FlipTTA
        from vseg.models.nano.model import load_nano

        nano = load_nano(weights, device=device, dtype=dtype, short_side=short_side)
        return FlipTTA(nano) if flip else nano
    from vseg.models.sam2.load import load_sam

    return load_sam(_folder(name, weights, flip), name, device=device, dtype=dtype)


def load_compiled(
    name: str,
    *,
    device: str = "cuda",
    dtype: str = "auto",
    weights: Path | None = None,
    flip: bool = False,
) -> Model:
    """A model of the SAM 2 family whose stages are compiled when first used, or by its
    `warm_up`.

    Raises UsageError for nano, and whatever `load_model` raises.
    """
    if name == "nano":
        raise UsageError(
            "nano is not compiled", hint="drop --compile, or use a model of the SAM 2 family"
        )
    from vseg.models.sam2.load import load_sam

    return load_sam(
        _folder(name, weights, flip), name, device=device, dtype=dtype, compiled=True
    )


def _folder(name: str, weights: Path | None, flip: bool) -> Path:
    """Where a model of the SAM 2 family lies.  Raises UsageError for what only nano can."""
    if Path(name).is_file():
        raise ModelError(
            f"{name} is a file, not a folder with a model",
            hint=f"an official .pt file becomes one by `vseg models convert {name} FOLDER`; "
            "another "
            "training of nano is given as --weights",
        )
    if name in _CATALOGUE and name not in PUBLISHED:
        other = _CATALOGUE[name]
        raise ModelError(
            f"{name} is of kind {other.kind}: it tracks nothing",
            hint=f"give it as {other.option}; models that track: {', '.join(MODELS)}",
        )
    if name not in PUBLISHED and not Path(name).is_dir():
        raise ModelError(
            f"unknown model '{name}'",
            hint=f"known: {', '.join(MODELS)}, or a folder with a model",
        )
    if flip:
        raise UsageError(f"{name} cannot flip", hint="drop --flip, or use --model nano")
    if weights is not None:
        raise UsageError(
            f"weights {weights} were given beside the model {name}",
            hint="--weights is nano's; a folder of another model is given as --model",
        )
    return folder_of(PUBLISHED[name]) if name in PUBLISHED else Path(name)


def open_grounder(name: str, device: str = "cpu", dtype: str = "auto") -> Grounder:
    """The grounder called `name`, or the one saved in that folder: it finds what phrases say.

    name: of GROUNDERS, or a folder of a kind of theirs.  dtype: float32, bfloat16 or auto
    (bfloat16 on CUDA).  Nothing is downloaded.  Raises ModelError for an unknown name or lack
    of memory, DeviceMissing, WeightsMissing, WeightsMismatch, UsageError.
    """
    from vseg.grounding.open import open_folder
    from vseg.grounding.pretrained import Place

    folder = Path(name)
    if name in GROUNDERS:
        folder = folder_of(GROUNDERS[name])
    elif not folder.is_dir():
        raise ModelError(
            f"unknown grounder '{name}'",
            hint=f"known: {', '.join(GROUNDERS)}, or a folder with one",
        )
    own = GROUNDERS[name].mib if name in GROUNDERS else math.inf
    smaller = ", ".join(other.name for other in GROUNDERS.values() if other.mib < own)
    return open_folder(folder, name, Place(device, dtype, smaller))


def open_image_text(name: str, device: str = "cpu", dtype: str = "auto") -> "ImageText":
    """The model called `name`, or the one saved in that folder: it compares images with words.

    name: of IMAGE_TEXT, or a folder of a kind of theirs.  Raises as `open_grounder` does.
    """
    from vseg.grounding.image_text import read_image_text
    from vseg.grounding.pretrained import Place

    folder = Path(name)
    if name in IMAGE_TEXT:
        folder = folder_of(IMAGE_TEXT[name])
    elif not folder.is_dir():
        raise ModelError(
            f"unknown image-text model '{name}'",
            hint=f"known: {', '.join(IMAGE_TEXT)}, or a folder with one; fetch one with "
            "`vseg models pull clip-vit-b32`",
        )
    return read_image_text(folder, name, Place(device, dtype))


def open_nano_text(model: Model) -> Grounder:
    """nano's own words: finds people, cars and a few other things by name, with nothing to
    download.

    model: what tracks.  Its weights are used if it is nano; beside any other model, and beside
    a nano that looks twice, the shipped nano is loaded on the same device.  Raises
    WeightsMissing, WeightsMismatch.
    """
    from vseg.grounding.nano_text import NanoTextGrounder
    from vseg.models.nano.model import Nano, load_nano

    return NanoTextGrounder(
        model if isinstance(model, Nano) else load_nano(device=str(model.device))
    )


def export_model(
    name: str, out: Path, sizes: "LoopSizes", *, weights: Path | None = None
) -> Path:
    """The folder `out`, written with the whole loop of the model called `name` as ONNX graphs.

    Raises ModelError for a model that has no graphs, and whatever `export_onnx` raises.
    """
    if name != "nano":
        raise ModelError(
            f"no model '{name}' can go to ONNX", hint="nano can; a run goes to davis or coco"
        )
    from vseg.models.onnx.export import export_onnx

    return export_onnx(out, sizes, weights)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of a model without loading it.

    notes: what its weights file says of itself: recipe, licence, figures.
    """

    name: str
    weights: Path
    size_bytes: int
    sha256: str
    notes: Mapping[str, str]

    def facts(self) -> dict[str, str]:
        """One printable line per subject."""
        size = f"{self.size_bytes / 2**20:.1f} MiB"
        facts = {"kind": "segmenter", "weights": str(self.weights), "size": size}
        return {**facts, "sha256": self.sha256, **self.notes}


def model_cards() -> tuple[ModelCard, ...]:
    """The models that `load_model` knows.  Raises WeightsMissing or WeightsMismatch."""
    from safetensors import SafetensorError, safe_open

    from vseg.models.nano.model import WEIGHTS

    try:
        with safe_open(WEIGHTS, framework="numpy") as file:
            notes = file.metadata() or {}
        payload = WEIGHTS.read_bytes()
    except OSError as error:
        raise WeightsMissing(f"no weights at {WEIGHTS}", hint="reinstall vseg") from error
    except SafetensorError as error:
        raise WeightsMismatch(
            f"{WEIGHTS} is damaged: {error}", hint="reinstall vseg"
        ) from error
    digest = hashlib.sha256(payload).hexdigest()
    return (ModelCard("nano", WEIGHTS, len(payload), digest, notes),)


def model_path(name: str) -> Path:
    """Where a model's files are on this machine.  Raises ModelError, WeightsMissing."""
    if name == "nano":
        from vseg.models.nano.model import WEIGHTS

        return WEIGHTS
    return folder_of(_published(name))


def fetch_model(name: str) -> Path:
    """Fetch a published model of any kind from the hub; where it is.  Raises ModelError,
    WeightsMissing.
    """
    return pull(_published(name))


def _published(name: str) -> Published:
    if name not in _CATALOGUE:
        raise ModelError(f"'{name}' is not published", hint=f"known: {', '.join(_CATALOGUE)}")
    return _CATALOGUE[name]


def published_facts() -> dict[str, dict[str, str]]:
    """One printable line per subject for each published model: where it is, or how to fetch
    it.
    """
    facts = {}
    for name, published in _CATALOGUE.items():
        try:
            where = str(folder_of(published))
        except WeightsMissing:
            where = f"not on this machine; {published.pull}"
        facts[name] = {
            "kind": published.kind,
            "weights": where,
            "size": f"{published.mib} MiB",
            "repository": f"huggingface.co/{published.repository}",
            "licence": published.licence,
        }
    return facts


def loaded_sha256(name: str) -> str:
    """The hash of the weights of a model of any kind, or of a folder, after all of them were
    loaded.

    Raises what loading raises.
    """
    from vseg.grounding.open import FAMILIES
    from vseg.grounding.pretrained import Place, model_type, read_pretrained, read_tokenizer
    from vseg.weights.catalogue import IMAGE_TEXT_CLASSES

    if name in MODELS:
        return load_model(name, dtype="float32").weights_sha256
    folder = folder_of(_CATALOGUE[name]) if name in _CATALOGUE else Path(name)
    kind = model_type(folder) if folder.is_dir() else ""
    if kind in IMAGE_TEXT_CLASSES:
        read_tokenizer(folder)
        place = Place(dtype="float32")
        return read_pretrained(folder, name, IMAGE_TEXT_CLASSES, place).sha256
    # A folder of SAM 3 as published holds a tracker and a grounder; by its name it is the one
    # asked for.
    if name in GROUNDERS or (kind in FAMILIES and kind != "sam3_video"):
        return open_grounder(name, dtype="float32").weights_sha256
    return load_model(name, dtype="float32").weights_sha256
