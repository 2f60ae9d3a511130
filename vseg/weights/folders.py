"""The folder that a model's name stands for: a published model's in the hub's cache, or one of
the user's.

Enters: a name or a path.  Leaves: a folder that exists.  Nothing is downloaded but by `fetch`.
"""

import math
from collections.abc import Mapping
from pathlib import Path

from vseg.errors import ModelError
from vseg.weights.catalogue import CATALOGUE, GROUNDERS, IMAGE_TEXT, MODELS, PUBLISHED
from vseg.weights.hub import Published, folder_of, pull


def segmenter_folder(name: str) -> Path:
    """Where a model of the SAM 2 family lies.  Raises ModelError, WeightsMissing."""
    check_segmenter(name)
    return folder_of(PUBLISHED[name]) if name in PUBLISHED else Path(name)


def check_segmenter(name: str) -> None:
    """Raise ModelError unless this is a published model of the SAM 2 family or a folder."""
    _check_name(name, "model")
    if name in PUBLISHED:
        return
    # A name that is published for something else is a mix-up of options, not an unknown name.
    if name in CATALOGUE:
        other = CATALOGUE[name]
        raise ModelError(
            f"{name} is of kind {other.kind}: it tracks nothing",
            hint=f"give it as {other.option}; models that track: {', '.join(MODELS)}",
        )
    if Path(name).is_file():
        raise ModelError(
            f"{name} is a file, not a folder with a model",
            hint=f"an official .pt file becomes one by `vseg models convert {name} FOLDER`; "
            "another training of nano is given as --weights",
        )
    if not Path(name).is_dir():
        raise ModelError(
            f"unknown model '{name}'",
            hint=f"known: {', '.join(MODELS)}, or a folder with a model",
        )


def grounder_folder(name: str) -> Path:
    """Where a grounder lies.  Raises ModelError, WeightsMissing."""
    return _named(name, GROUNDERS, "grounder")


def image_text_folder(name: str) -> Path:
    """Where an image-text model lies.  Raises ModelError, WeightsMissing."""
    return _named(name, IMAGE_TEXT, "image-text model")


def published_folder(name: str) -> Path:
    """Where a published model of any kind is on this machine.  Raises ModelError,
    WeightsMissing.
    """
    return folder_of(_published(name))


def fetch(name: str) -> Path:
    """Fetch a published model of any kind from the hub; where it is.  Raises ModelError,
    WeightsMissing.
    """
    return pull(_published(name))


def smaller_grounders(name: str) -> tuple[str, ...]:
    """Names of the published grounders smaller than this one; all of them for a folder."""
    mib = GROUNDERS[name].mib if name in GROUNDERS else math.inf
    return tuple(other.name for other in GROUNDERS.values() if other.mib < mib)


def _check_name(name: object, kind: str) -> None:
    """Raise ModelError for what is neither a name nor a folder.  kind: of model."""
    if not isinstance(name, str | Path):
        raise ModelError(f"{name!r} is no name of a {kind}", hint="give its name, or a folder")


def _named(name: str, known: Mapping[str, Published], kind: str) -> Path:
    _check_name(name, kind)
    if name in known:
        return folder_of(known[name])
    if not Path(name).is_dir():
        fetched = next(iter(known.values()))
        raise ModelError(
            f"unknown {kind} '{name}'",
            hint=f"known: {', '.join(known)}, or a folder with one; fetch one with "
            f"`{fetched.pull}`",
        )
    return Path(name)


def _published(name: str) -> Published:
    if name not in CATALOGUE:
        raise ModelError(f"'{name}' is not published", hint=f"known: {', '.join(CATALOGUE)}")
    return CATALOGUE[name]
