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

from vseg.errors import BadExchange, BadImage
from vseg.interfaces.mask_format import LOSS_REPORT, SIDECAR
from vseg.io.files import check_no_pipe, is_hidden, real_path
from vseg.io.image_files import image_head, read_label_image
from vseg.types import MaskCrop, VideoInfo


def numbered_files(folder: Path, suffix: str) -> Iterator[tuple[int, Path]]:
    """The files of a folder with an ending, by the last number in their names, ascending;
    hidden ones, which macOS puts beside them, are left out.

    Raises BadExchange if it is no folder, a name has no number or another one's, or a link
    leads out of the folder.
    """
    if not folder.is_dir():
        raise BadExchange(
            f"{folder} is not a folder", hint=f"give the folder of {suffix} files"
        )
    names: dict[int, str] = {}
    for name in sorted(os.listdir(folder)):
        if name in (LOSS_REPORT, SIDECAR) or is_hidden(name):
            continue
        if not name.endswith(suffix):
            continue
        path = folder / name
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
    """The path.  Raises BadExchange if it leads out of the folder, or is a pipe."""
    if "\0" in str(path) or not real_path(path).is_relative_to(real_path(folder)):
        raise BadExchange(f"{path} leads out of {folder}", hint="put the file itself there")
    check_no_pipe(path)
    return path


def read_labels(
    path: Path, video: VideoInfo
) -> Integer[np.ndarray, "H W"] | Bool[np.ndarray, "H W"]:
    """One value per pixel.  Raises BadExchange where it cannot be read or has another size."""
    check_size(path, video)
    try:
        stored = read_label_image(path)
    except BadImage as error:
        raise BadExchange(f"{path} {error.message}", hint=error.hint) from error
    if stored.lossy:
        raise BadExchange(
            f"{path} was compressed as JPEG, which changes ids at the edges of objects",
            hint="save the masks as PNG from where they were made",
        )
    return stored.values


def check_size(path: Path, video: VideoInfo) -> None:
    """Raise BadExchange unless an image has the clip's size; nothing is decoded."""
    try:
        head = image_head(path)
    except BadImage as error:
        raise BadExchange(f"{path} {error.message}", hint=error.hint) from error
    if (head.height, head.width) != (video.height, video.width):
        raise BadExchange(
            f"{path} is {head.width}x{head.height}, the clip {video.width}x{video.height}",
            hint="is this the file of another clip?",
        )


def labelled(
    labels: Integer[np.ndarray, "H W"] | Bool[np.ndarray, "H W"],
) -> Iterator[tuple[int, MaskCrop]]:
    """Value and mask of everything but the background, 0."""
    for value in np.unique(labels).tolist():
        if value:
            yield int(value), MaskCrop.of(np.asarray(labels == value, dtype=bool))
