"""Images without labels, clip by clip: what distillation reads.

Enters: dataset zips, video files, folders of images, folders of those.  Leaves: their images,
whose number and size are known and checked before any is decoded, so that what they cost is
known too.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from vseg.errors import BadDataset, BadVideo, DamagedVideo
from vseg.interfaces.reader import OpenReader
from vseg.training.data.dataset_zip import TrainingDataset, ZippedClip, load_dataset

Image = UInt8[np.ndarray, "H W 3"]
# How a clip is opened: the composition root knows the readers.
Opener = Callable[[Path], OpenReader]

_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True, slots=True)
class UnlabelledImages:
    """count RGB images of height x width of one clip or still, read by calling `images`.

    origin: what they are of; it changes when the clip or its sampling does.
    """

    name: str
    count: int
    height: int
    width: int
    origin: str
    images: Callable[[], Iterator[Image]]


@dataclass(frozen=True, slots=True)
class Sampling:
    """clip_step: every so many frames of a dataset zip's clips are taken.

    Of a video file or a folder of images `frames_per_clip` are, evenly spread and scaled to
    `short_side` pixels.
    """

    clip_step: int
    frames_per_clip: int
    short_side: int


def open_images(
    paths: Sequence[Path], sampling: Sampling, open_reader: Opener
) -> list[UnlabelledImages]:
    """The images of all dataset zips, video files and folders; a folder without images of its
    own stands for everything in it.

    Raises BadDataset naming the clip that is missing, unreadable or holds nothing.
    """
    found: list[UnlabelledImages] = []
    for path in paths:
        if not path.exists():
            raise BadDataset(
                f"no video or images at {path}",
                hint="give --data a dataset zip, a video or a folder of images",
            )
        if path.suffix == ".zip":
            found += zipped_images([load_dataset(path)], sampling.clip_step)
        elif path.is_dir() and not _holds_images(path):
            inner = [p for p in sorted(path.iterdir()) if not p.name.startswith(".")]
            if not inner:
                raise BadDataset(
                    f"{path} is an empty folder", hint="give --data what holds clips"
                )
            found += open_images(inner, sampling, open_reader)
        else:
            found.append(_clip(path, sampling, open_reader))
    return found


def zipped_images(
    datasets: Sequence[TrainingDataset], clip_step: int
) -> list[UnlabelledImages]:
    """The stills of all datasets, and of their clips every `clip_step`th frame."""
    stills = [_zipped(still, 1) for dataset in datasets for still in dataset.stills]
    videos = [_zipped(clip, clip_step) for dataset in datasets for clip in dataset.videos]
    return stills + videos


def spread(length: int, count: int) -> list[int]:
    """At most `count` frame indices, the middles of equal parts of a clip of `length`
    frames.
    """
    count = min(length, count)
    return [(2 * k + 1) * length // (2 * count) for k in range(count)]


def _zipped(clip: ZippedClip, step: int) -> UnlabelledImages:
    images = clip.images[::step]
    height, width = images[0].shape[:2]
    for image in images:
        if image.shape[:2] != (height, width):
            raise BadDataset(f"{clip.name} has images of different sizes")
    # A sum of every 16th pixel tells one version of a clip from another without hashing it.
    total = sum(int(image[::16, ::16].sum()) for image in images)
    origin = f"{clip.name} {len(images)} {height}x{width} {total}"
    return UnlabelledImages(
        clip.name, len(images), height, width, origin, lambda: iter(images)
    )


def _clip(path: Path, sampling: Sampling, open_reader: Opener) -> UnlabelledImages:
    try:
        with open_reader(path) as reader:
            stored_h = reader.info.height
            stored_w = reader.info.width
            length = len(reader)
    except BadVideo as error:
        raise BadDataset(error.message, hint=error.hint) from error
    indices = spread(length, sampling.frames_per_clip)
    if not indices:
        raise BadDataset(f"{path} has no frames", hint="leave it out of --data")
    scale = sampling.short_side / min(stored_h, stored_w)
    height = round(stored_h * scale)
    width = round(stored_w * scale)

    def images() -> Iterator[Image]:
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        with open_reader(path) as reader:
            for index in indices:
                try:
                    image = reader.read(index).image
                except DamagedVideo as error:
                    raise BadDataset(error.message, hint="leave it out of --data") from error
                yield np.asarray(
                    cv2.resize(image, (width, height), interpolation=how), np.uint8
                )

    origin = f"{path.name} {len(indices)} of {length} {height}x{width} {_size_bytes(path)}"
    return UnlabelledImages(str(path), len(indices), height, width, origin, images)


def _holds_images(folder: Path) -> bool:
    return any(
        p.suffix.lower() in _IMAGE_SUFFIXES for p in folder.iterdir() if p.name[0] != "."
    )


def _size_bytes(path: Path) -> int:
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)
