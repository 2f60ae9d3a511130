"""Training images with masks, held in memory: a zip of `video/<clip>/<frame>` and
`still/<set>/<name>` pairs.

Enters: the zip's path.  Leaves: clips and stills as uint8 arrays with object ids (0
background, 255 void).  Every image is a `.webp` or `.jpg`; its mask is the `.png` of the same
stem.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from jaxtyping import UInt8

from vseg.errors import BadDataset
from vseg.io.archive import DAMAGE

_IMAGE_SUFFIXES = (".webp", ".jpg")
# A guard against a zip bomb: a compressed image is a hundred times smaller.
_MAX_MEMBER_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class ZippedClip:
    """One clip, or a still (T = 1).  images: RGB; masks: object ids."""

    name: str
    images: tuple[UInt8[np.ndarray, "H W 3"], ...]
    masks: tuple[UInt8[np.ndarray, "H W"], ...]


@dataclass(frozen=True, slots=True)
class TrainingDataset:
    """All clips and all stills of one or more dataset zips."""

    videos: tuple[ZippedClip, ...]
    stills: tuple[ZippedClip, ...]


def load_dataset(path: Path) -> TrainingDataset:
    """The dataset zip, read whole into memory (about 30 times its size on disk), sorted by
    name.  Raises BadDataset.
    """
    if not path.is_file():
        raise BadDataset(f"no dataset zip at {path}", hint="give --data the zip file")
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, path)
    except DAMAGE as error:
        raise BadDataset(
            f"{path} cannot be read as a zip file: {error}", hint="copy or pack it once more"
        ) from error


def joined(datasets: Sequence[TrainingDataset]) -> TrainingDataset:
    """All of them as one."""
    return TrainingDataset(
        tuple(clip for dataset in datasets for clip in dataset.videos),
        tuple(clip for dataset in datasets for clip in dataset.stills),
    )


def without(dataset: TrainingDataset, held_out: Sequence[str]) -> TrainingDataset:
    """The dataset without the clips that are held out.  Raises BadDataset for one that it does
    not hold.
    """
    names = {clip.name for clip in dataset.videos}
    unknown = sorted({f"video/{name}" for name in held_out} - names)
    if unknown:
        raise BadDataset(
            f"held out is {unknown[0]}, which --data does not hold",
            hint="give the zip that holds it too, or take it out of held_out in the recipe",
        )
    kept = tuple(clip for clip in dataset.videos if clip.name.split("/")[1] not in held_out)
    return TrainingDataset(kept, dataset.stills)


def _read(archive: zipfile.ZipFile, path: Path) -> TrainingDataset:
    groups: dict[str, list[tuple[str, str]]] = {}
    names = set(archive.namelist())
    for name in sorted(names):
        pure = PurePosixPath(name)
        if pure.suffix not in _IMAGE_SUFFIXES or pure.parts[0] not in ("video", "still"):
            continue
        mask = str(pure.with_suffix(".png"))
        if mask not in names:
            raise BadDataset(f"{path}: {name} has no mask {mask}")
        group = str(pure.parent if pure.parts[0] == "video" else pure.with_suffix(""))
        groups.setdefault(group, []).append((name, mask))
    clips = [_clip(archive, group, pairs) for group, pairs in groups.items()]
    if not clips:
        raise BadDataset(f"{path} holds no video/<clip>/<frame> or still/<set>/<name> images")
    return TrainingDataset(
        tuple(c for c in clips if c.name.startswith("video/")),
        tuple(c for c in clips if c.name.startswith("still/")),
    )


def _clip(archive: zipfile.ZipFile, name: str, pairs: list[tuple[str, str]]) -> ZippedClip:
    images = tuple(_decode(archive, image, cv2.IMREAD_COLOR_RGB) for image, _ in pairs)
    masks = tuple(_decode(archive, mask, cv2.IMREAD_UNCHANGED) for _, mask in pairs)
    for (image_name, _), image, mask in zip(pairs, images, masks, strict=True):
        if image.shape[:2] != mask.shape:
            raise BadDataset(f"{image_name}: image {image.shape[:2]} but mask {mask.shape}")
    return ZippedClip(name, images, masks)


def _decode(archive: zipfile.ZipFile, name: str, flag: int) -> UInt8[np.ndarray, "..."]:
    if archive.getinfo(name).file_size > _MAX_MEMBER_BYTES:
        raise BadDataset(f"{name} is larger than {_MAX_MEMBER_BYTES} bytes")
    content = np.frombuffer(archive.read(name), np.uint8)
    try:
        image = cv2.imdecode(content, flag)
    except cv2.error as error:  # of an empty member, or of far too many pixels
        raise BadDataset(f"{name} cannot be decoded: {error.err}") from error
    if image is None:
        raise BadDataset(f"{name} cannot be decoded")
    if image.dtype != np.uint8:
        raise BadDataset(
            f"{name} has values of {image.dtype}", hint="save it as 8 bits: ids are 0 to 255"
        )
    return np.asarray(image)
