"""The composition root: names become objects here, and only here is every concrete class
known.
"""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vseg.errors import BadRun, BadVideo, ModelError, UsageError
from vseg.interfaces.reader import OpenReader
from vseg.io.files import check_named
from vseg.types import UNKNOWN_FPS
from vseg.weights.cards import ModelCard, read_card
from vseg.weights.catalogue import CATALOGUE, GROUNDERS, IMAGE_TEXT_CLASSES, MODELS
from vseg.weights.folders import (
    check_segmenter,
    grounder_folder,
    image_text_folder,
    published_folder,
    segmenter_folder,
    smaller_grounders,
)
from vseg.weights.threads import limit_threads

if TYPE_CHECKING:
    # These need torch, whose import takes seconds: who reads a clip or a run needs none.
    from vseg.grounding.image_text import ImageText
    from vseg.interfaces.grounder import Grounder
    from vseg.interfaces.model import Model
    from vseg.models.onnx.export import LoopSizes
    from vseg.results.run import Run


def open_video(
    source: str | Path | Iterable[np.ndarray],
    reader: str = "auto",
    frames: str | None = None,
    topic: str | None = None,
    fps: Fraction | int | float | None = None,
) -> OpenReader:
    """A reader over a video file, a folder of images, a ROS 2 bag (.mcap) or images in memory;
    close it, or use it in a `with`.

    source: a path, or RGB images as uint8: a list of (H, W, 3), or an array (T, H, W, 3).
    reader: auto, pyav, decord, images or bag.  frames: by-order or by-number, for a folder of
    images whose names leave gaps.  topic: of a bag with images on several topics.  fps: the
    rate of images in memory, 30 if left out.  Raises BadVideo, BadFrame or ReaderUnsuitable.
    """
    if not isinstance(source, str | Path):
        from vseg.video.image_list import ImageList

        return ImageList(source, UNKNOWN_FPS if fps is None else fps)
    if fps is not None:
        raise UsageError(f"fps={fps} is for images in memory", hint="leave it out")
    from vseg.video import open_source
    from vseg.video.address import redact

    check_named(source)
    opened = open_source(source, reader, frames, topic)
    if not isinstance(opened, OpenReader):
        opened.close()
        raise BadVideo(
            f"{redact(source)} is a live source: it has no length and no frame numbers",
            hint="record it to a file first, or feed its frames to Session.step",
        )
    return opened


def open_run(path: Path | str, revision: int | None = None) -> "Run":
    """The run at `path`, finished or not; masks are read when asked for.

    revision: of a corrected run, the one to read; the current one if None, 0 as tracked.
    Raises BadRun if there is no run or no such revision, or its run.json is damaged or of
    another format, UsageError for what is no path.
    """
    from vseg.results.run import Run

    return Run(path, open_clip, revision)


def open_clip(run: "Run", source: str | None = None) -> OpenReader:
    """A reader over the clip that a run was made from, by the reader it was made with.

    source: where the clip is now, if it has moved.  Raises BadRun if it is not there, is
    another one or an address, and as `open_video` does.
    """
    from vseg.video.address import redact, scheme_of

    path = run.header.source.path if source is None else source
    if source is not None:
        check_named(source)
    if scheme_of(path) is not None:  # a run may come from anywhere: it opens no connection
        raise BadRun(
            f"the clip of {run.path} is an address: {redact(path)}",
            hint="save the clip to a file, and give that: --video CLIP",
        )
    run.check_source(Path(path))
    options = run.header.options
    frames, topic = (options.get(key) for key in ("frames", "topic"))
    return open_video(
        path,
        str(options.get("reader", "auto")),
        None if frames is None else str(frames),
        None if topic is None else str(topic),
    )


def load_model(  # noqa: PLR0913 - every setting of a model, by keyword
    name: str = "nano",
    *,
    device: str = "cpu",
    dtype: str = "auto",
    runtime: str = "auto",
    short_side: int = 384,
    weights: Path | str | None = None,
    flip: bool = False,
) -> "Model":
    """The model called `name` on a device, ready to be shared by any number of sessions.

    name: one of MODELS, or a folder with a model of the SAM 2 family.  weights: of nano, a
    file of that architecture; the embedded one if left out.  runtime: of nano on a CPU,
    "torch", "onnx" (onnxruntime), "onnx-int8" (convolutions of 8-bit integers), or "auto": the
    fastest by a self-test.  short_side: nano's frames are scaled to it, in
    pixels.  flip: nano segments every frame mirrored too, at half the speed.
    Nothing is downloaded.  Raises ModelError for an unknown name, DeviceMissing,
    WeightsMissing, WeightsMismatch, UsageError.
    """
    limit_threads()
    if name == "nano":
        from vseg.models.nano.flip_tta import FlipTTA
        from vseg.models.nano.load import load_nano

        nano = load_nano(
            weights, device=device, dtype=dtype, runtime=runtime, short_side=short_side
        )
        return FlipTTA(nano) if flip else nano
    from vseg.models.sam2.load import load_sam

    folder = _sam_folder(name, weights, flip)
    if runtime not in ("auto", "torch"):
        raise UsageError(
            f"{name} runs on torch alone", hint="drop --runtime, or use --model nano"
        )
    return load_sam(folder, name, device=device, dtype=dtype)


def load_compiled(
    name: str,
    *,
    device: str = "cuda",
    dtype: str = "auto",
    weights: Path | str | None = None,
    flip: bool = False,
) -> "Model":
    """A model of the SAM 2 family whose stages are compiled when first used, or by its
    `warm_up`.  Raises UsageError for nano, and whatever `load_model` raises.
    """
    if name == "nano":
        raise UsageError(
            "nano is not compiled", hint="drop --compile, or use a model of the SAM 2 family"
        )
    from vseg.models.sam2.load import load_sam

    return load_sam(
        _sam_folder(name, weights, flip), name, device=device, dtype=dtype, compiled=True
    )


def _sam_folder(name: str, weights: Path | str | None, flip: bool) -> Path:
    """Where a model of the SAM 2 family lies.  Raises UsageError for what only nano can."""
    # A mistaken name explains more than an option that does not suit it.
    check_segmenter(name)
    if flip:
        raise UsageError(f"{name} cannot flip", hint="drop --flip, or use --model nano")
    if weights is not None:
        raise UsageError(
            f"weights {weights} were given beside the model {name}",
            hint="--weights is nano's; a folder of another model is given as --model",
        )
    return segmenter_folder(name)


def open_grounder(name: str, device: str = "cpu", dtype: str = "auto") -> "Grounder":
    """The grounder called `name`, or the one saved in that folder: it finds what phrases say.

    name: of GROUNDERS, or a folder of a kind of theirs.  dtype: float32, bfloat16 or auto
    (bfloat16 on CUDA).  Nothing is downloaded.  Raises ModelError for an unknown name or lack
    of memory, DeviceMissing, WeightsMissing, WeightsMismatch, UsageError.
    """
    from vseg.grounding.open import open_folder
    from vseg.grounding.pretrained import Placement

    folder = grounder_folder(name)
    smaller = ", ".join(smaller_grounders(name))
    return open_folder(folder, name, Placement(device, dtype, smaller))


def check_grounder(name: str) -> None:
    """Raise what `open_grounder` would for a name or a folder that is no grounder; no weights
    are read.
    """
    from vseg.grounding.open import check_folder

    check_folder(grounder_folder(name))


def open_image_text(name: str, device: str = "cpu", dtype: str = "auto") -> "ImageText":
    """The model called `name`, or the one saved in that folder: it compares images with words.

    name: of IMAGE_TEXT, or a folder of a kind of theirs.  Raises as `open_grounder` does.
    """
    from vseg.grounding.image_text import read_image_text
    from vseg.grounding.pretrained import Placement

    return read_image_text(image_text_folder(name), name, Placement(device, dtype))


def open_nano_text(model: "Model") -> "Grounder":
    """nano's own grounder: finds people, cars and a few other things by name, with nothing to
    download.

    model: what tracks.  Its weights are used if it is nano; beside any other model, and beside
    a nano with flip test-time augmentation, the shipped nano is loaded on the same device.
    Raises WeightsMissing, WeightsMismatch, UsageError.
    """
    from vseg.grounding.nano_text import NanoTextGrounder
    from vseg.interfaces.promptable_model import check_loaded
    from vseg.models.nano.load import load_nano
    from vseg.models.nano.model import Nano

    check_loaded(model)
    return NanoTextGrounder(
        model if isinstance(model, Nano) else load_nano(device=str(model.device))
    )


def export_model(
    name: str,
    out: Path,
    sizes: "LoopSizes",
    *,
    weights: Path | None = None,
    overwrite: bool = False,
) -> Path:
    """The folder `out`, written with the whole loop of the model called `name` as ONNX graphs.

    Raises ModelError for a model that has no graphs, and whatever `export_onnx` raises.
    """
    if name != "nano":
        raise ModelError(
            f"no model '{name}' can go to ONNX", hint="nano can; a run goes to davis or coco"
        )
    from vseg.models.onnx.export import export_onnx

    return export_onnx(out, sizes, weights, overwrite=overwrite)


def nano_card() -> ModelCard:
    """The card of the model that is shipped.  Raises WeightsMissing, WeightsMismatch."""
    from vseg.models.nano.shipped import CARD, LICENCE, WEIGHTS

    return read_card("nano", WEIGHTS, LICENCE, CARD)


def model_path(name: str) -> Path:
    """Where a model's files are on this machine.  Raises ModelError, WeightsMissing."""
    from vseg.models.nano.shipped import WEIGHTS

    return WEIGHTS if name == "nano" else published_folder(name)


def loaded_sha256(name: str) -> str:
    """The hash of the weights of a model of any kind, or of a folder, once all are loaded.
    Raises what loading raises.
    """
    from vseg.grounding.open import FAMILIES
    from vseg.grounding.pretrained import (
        Placement,
        model_type,
        read_pretrained,
        read_tokenizer,
    )

    if name in MODELS:
        return load_model(name, dtype="float32").weights_sha256
    folder = published_folder(name) if name in CATALOGUE else Path(name)
    kind = model_type(folder) if folder.is_dir() else ""
    if kind in IMAGE_TEXT_CLASSES:
        read_tokenizer(folder)
        place = Placement(dtype="float32")
        return read_pretrained(folder, name, IMAGE_TEXT_CLASSES, place).sha256
    # A folder of SAM 3 as published holds a tracker and a grounder; by its name it is the one
    # asked for.
    if name in GROUNDERS or (kind in FAMILIES and kind != "sam3_video"):
        return open_grounder(name, dtype="float32").weights_sha256
    return load_model(name, dtype="float32").weights_sha256
