"""Folders of label images, one per frame, named by number.

Enters: a folder.  Leaves: files by number, and the pixels of one, whose size is known to be
the clip's before anything is decoded.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Integer
from PIL import Image, UnidentifiedImageError

from vseg.errors import BadExchange, BadImage
from vseg.interfaces.mask_format import LOSS_REPORT, SIDECAR
from vseg.io.files import real_path
from vseg.io.image_files import read_label_image
from vseg.types import MaskCrop, VideoInfo


def numbered_files(folder: Path, suffix: str) -> Iterator[tuple[int, Path]]:
    """The files of a folder with an ending, by the last number in their names, ascending.

    Raises BadExchange if it is no folder, a name has no number or another one's, or a link
    leads out of the folder.
    """
    if not folder.is_dir():
        raise BadExchange(
            f"{folder} is not a folder", hint=f"give the folder of {suffix} files"
        )
    names: dict[int, str] = {}
    for name in sorted(os.listdir(folder)):
        if not name.endswith(suffix):
            continue
        path = folder / name
        if path.name in (LOSS_REPORT, SIDECAR):
            continue
        found = re.findall(r"[0-9]+", path.stem)
        number = int(found[-1]) if found else -1
        if number < 0 or number in names:
            raise BadExchange(
                f"{path}: which frame it is cannot be told from its name",
                hint=f"name the files by frame: 00000{suffix}, 00001{suffix} ...",
            )
        names[number] = inside(folder, path).name
    return ((number, folder / names[number]) for number in sorted(names))


def inside(folder: Path, path: Path) -> Path:
    """The path.  Raises BadExchange if it leads out of the folder."""
    if not real_path(path).is_relative_to(real_path(folder)):
        raise BadExchange(f"{path} leads out of {folder}", hint="put the file itself there")
    return path


def read_labels(
    path: Path, video: VideoInfo
) -> Integer[np.ndarray, "H W"] | Bool[np.ndarray, "H W"]:
    """One value per pixel.  Raises BadExchange where it cannot be read or has another size."""
    check_size(path, video)
    try:
        return read_label_image(path).values
    except BadImage as error:
        raise BadExchange(f"{path} {error.message}", hint=error.hint) from error


def check_size(path: Path, video: VideoInfo) -> None:
    """Raise BadExchange unless an image has the clip's size; nothing is decoded."""
    try:
        with Image.open(path) as image:
            width, height = image.size
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise BadExchange(f"{path} cannot be read: {error}") from error
    if (height, width) != (video.height, video.width):
        raise BadExchange(
            f"{path} is {width}x{height}, the clip {video.width}x{video.height}",
            hint="is this the file of another clip?",
        )


def labelled(
    labels: Integer[np.ndarray, "H W"] | Bool[np.ndarray, "H W"],
) -> Iterator[tuple[int, MaskCrop]]:
    """Value and mask of everything but the background, 0."""
    for value in np.unique(labels).tolist():
        if value:
            yield int(value), MaskCrop.of(np.asarray(labels == value, dtype=bool))
