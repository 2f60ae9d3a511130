"""A teacher's features of every image, computed once, in a file that is mapped and not held
in memory.

Enters: clips and a teacher.  Leaves: examples, each an image at one scale with the teacher's
features at strides 8 and 16 in bf16.  The file's size is known, checked and refused before the
first image is encoded; a cache that was interrupted is continued after its last whole clip.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from vseg.errors import BadDataset, ModelError, OutputError
from vseg.io.files import atomic_write_text
from vseg.training.data.unlabelled import UnlabelledImages

GIB = 2**30
_ALIGNED = 64  # bytes; a cache line
# A killed run repeats at most this much of the teacher's work.
_KEEP_EVERY_S = 30.0
# Of the GPU's free memory; the rest is for the student and its gradients.
_MAX_MEMORY_SHARE = 0.8
FeatureExtractor = Callable[[UInt8[Tensor, "B 3 H W"]], tuple[Tensor, Tensor]]
OnImages = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Example:
    """One image at one scale with the teacher's features at strides 8 and 16, bf16."""

    image: UInt8[np.ndarray, "H W 3"]
    features: tuple[Float[Tensor, "C8 H8 W8"], Float[Tensor, "C16 H16 W16"]]


@dataclass(frozen=True, slots=True)
class CacheSlot:
    """Where one example lies in the file, and its size in pixels (multiples of 16)."""

    height: int
    width: int
    channels: tuple[int, int]
    offset: int

    @property
    def shapes(
        self,
    ) -> tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]:
        """Of the image and of both features."""
        h = self.height
        w = self.width
        c8, c16 = self.channels
        return (h, w, 3), (c8, h // 8, w // 8), (c16, h // 16, w // 16)

    @property
    def starts(self) -> tuple[int, int, int]:
        """Byte offsets of the image and of both features."""
        image, fine, _ = self.shapes
        first = self.offset + _padded(_count(image))
        return self.offset, first, first + _padded(2 * _count(fine))

    @property
    def end(self) -> int:
        """The byte after it."""
        return self.starts[2] + _padded(2 * _count(self.shapes[2]))


@dataclass(frozen=True, slots=True)
class Layout:
    """clips: of each clip, of each image, of each scale, its slot.  total_bytes: of the
    file.
    """

    clips: tuple[tuple[tuple[CacheSlot, ...], ...], ...]
    total_bytes: int

    def slots(self) -> Iterator[CacheSlot]:
        """All slots in the file's order."""
        return (slot for clip in self.clips for image in clip for slot in image)


def lay_out(
    clips: Sequence[UnlabelledImages],
    scales: Sequence[float],
    channels: tuple[int, int],
    crop: int,
) -> Layout:
    """The slots of all images at all scales.  Raises BadDataset where a crop does not fit."""
    offset = 0
    laid = []
    for clip in clips:
        sizes = [_grid_size(clip, scale) for scale in scales]
        if min(side for size in sizes for side in size) < crop:
            raise BadDataset(
                f"{clip.name}, {clip.width}x{clip.height}, is smaller than a crop of {crop} "
                f"at scale {min(scales):g}",
                hint="leave it out, or lower crop or raise scales in --config",
            )
        images = []
        for _ in range(clip.count):
            slots = []
            for height, width in sizes:
                slots.append(CacheSlot(height, width, channels, offset))
                offset = slots[-1].end
            images.append(tuple(slots))
        laid.append(tuple(images))
    return Layout(tuple(laid), offset)


def check_free_memory(layout: Layout, beside: Path, limit_gib: float) -> None:
    """Raise BadDataset if the cache would pass its limit, OutputError if the disk has no
    room.
    """
    need = layout.total_bytes / GIB
    images = sum(len(clip) for clip in layout.clips)
    if need > limit_gib:
        raise BadDataset(
            f"the teacher's features of {images} images need {need:.2f} GiB, more than the "
            f"limit of {limit_gib:g}",
            hint=f"lower --frames-per-clip, or give --cache-gib {np.ceil(need):.0f}",
        )
    folder = next(parent for parent in beside.absolute().parents if parent.is_dir())
    free = shutil.disk_usage(folder).free / GIB
    if need > free:
        raise OutputError(
            f"the teacher's features need {need:.2f} GiB, and {folder} has {free:.2f} "
            "GiB free",
            hint="lower --frames-per-clip, or put STUDENT on another disk",
        )


def check_device(layout: Layout, device: torch.device) -> None:
    """Raise ModelError if the features are to be on a GPU and do not fit there."""
    if device.type != "cuda":
        return
    need = sum(2 * _count(shape) for slot in layout.slots() for shape in slot.shapes[1:])
    free = torch.cuda.mem_get_info(device)[0]
    if need > _MAX_MEMORY_SHARE * free:
        raise ModelError(
            f"the teacher's features need {need / GIB:.2f} GiB, and the GPU has "
            f"{free / GIB:.2f} GiB free",
            hint="lower --frames-per-clip, or set on_device = false in --config",
        )


def fill(
    file: Path,
    clips: Sequence[UnlabelledImages],
    layout: Layout,
    extract: FeatureExtractor,
    batch: int,
    on_progress: OnImages,
) -> None:
    """Write what is not yet in `file`; `on_progress` is called with (images done, images).

    Raises BadDataset for a clip that turns out damaged, OutputError.
    """
    mark = file.with_suffix(".json")
    done = _written(file, mark, layout)
    total = sum(clip.count for clip in clips)
    cached = sum(clip.count for clip in clips[:done])
    todo = list(zip(clips, layout.clips, strict=True))[done:]
    kept = time.monotonic()
    try:
        with file.open("r+b" if done else "wb") as handle:
            try:
                for clip, slots in todo:
                    for count in _write_clip(handle, clip, slots, extract, batch):
                        cached += count
                        on_progress(cached, total)
                    done += 1
                    if time.monotonic() - kept > _KEEP_EVERY_S:
                        _keep(handle, mark, done)
                        kept = time.monotonic()
                # Mapping needs the padding after the last example too.
                handle.truncate(layout.total_bytes)
            finally:
                _keep(handle, mark, done)
    except OSError as error:
        raise OutputError(
            f"cannot write {file}: {error.strerror or error}",
            hint="check the free space: df -h",
        ) from error


def _written(file: Path, mark: Path, layout: Layout) -> int:
    """How many clips an interrupted cache holds whole; none where it is damaged: what is in it
    can be made anew.
    """
    try:
        done = int(json.loads(mark.read_text("utf-8"))["clips"])
        last = layout.clips[done - 1][-1][-1] if done else None
        size = file.stat().st_size
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return 0
    need = 0 if last is None else last.starts[2] + 2 * _count(last.shapes[2])
    return done if done >= 0 and size >= need else 0


def _keep(handle: BinaryIO, mark: Path, done: int) -> None:
    """Note that `done` clips are written, after they really are."""
    handle.flush()
    os.fsync(handle.fileno())
    atomic_write_text(mark, json.dumps({"clips": done}))


def _write_clip(
    handle: BinaryIO,
    clip: UnlabelledImages,
    slots: Sequence[tuple[CacheSlot, ...]],
    extract: FeatureExtractor,
    batch: int,
) -> Iterator[int]:
    """The number of images written at a time, while a clip's examples are, `batch` at once."""
    images = zip(clip.images(), slots, strict=True)
    while group := list(islice(images, batch)):
        for offset, payload in _payloads(group, extract):
            handle.seek(offset)
            handle.write(payload)
        yield len(group)


def mapped(file: Path, layout: Layout, device: torch.device) -> list[Example]:
    """All examples: images mapped from the file, features mapped too or copied to a GPU."""
    store = torch.from_file(str(file), size=layout.total_bytes, dtype=torch.uint8)
    return [_example(store, slot, device) for slot in layout.slots()]


def _example(store: UInt8[Tensor, " bytes"], slot: CacheSlot, device: torch.device) -> Example:
    parts = []
    for start, shape, width in zip(slot.starts, slot.shapes, (1, 2, 2), strict=True):
        part = store[start : start + width * _count(shape)]
        parts.append((part.view(torch.bfloat16) if width == 2 else part).view(shape))
    image, fine, coarse = parts
    return Example(image.numpy(), (fine.to(device), coarse.to(device)))


def _payloads(
    group: Sequence[tuple[UInt8[np.ndarray, "H W 3"], tuple[CacheSlot, ...]]],
    extract: FeatureExtractor,
) -> Iterator[tuple[int, bytes]]:
    """(offset, bytes) of all images and features of some images of one clip."""
    for scale in range(len(group[0][1])):
        slots = [of_image[scale] for _, of_image in group]
        height = slots[0].height
        width = slots[0].width
        images = [_resized(image, height, width) for image, _ in group]
        batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
        features = [level.bfloat16().cpu() for level in extract(batch)]
        for row, (slot, image) in enumerate(zip(slots, images, strict=True)):
            # numpy has no bfloat16, so features are written as their bytes.
            yield slot.offset, image.tobytes()
            for start, level in zip(slot.starts[1:], features, strict=True):
                yield start, level[row].contiguous().view(torch.uint8).numpy().tobytes()


def _resized(
    image: UInt8[np.ndarray, "H W 3"], height: int, width: int
) -> UInt8[np.ndarray, "h w 3"]:
    flag = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=flag), dtype=np.uint8)


def _grid_size(clip: UnlabelledImages, scale: float) -> tuple[int, int]:
    """(height, width) at a scale, rounded to whole cells of stride 16."""
    return round(clip.height * scale / 16) * 16, round(clip.width * scale / 16) * 16


def _count(shape: Sequence[int]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _padded(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED
