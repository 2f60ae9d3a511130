"""Which frame an image of a COCO dataset is.

`frame_id` says it, as trackers write it.  Where an image has none, the last number in the file
names decides, and where that is missing or not distinct, the image ids; counted from 0 or from
1 (`frame_counting`).  Numbers that do not fit the clip give the order of the images only.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from vseg.exchange.frame_counting import first_number, likely_first
from vseg.types import VideoInfo

_DIGITS = 18
"""Of a whole number that fits 64 bits, whatever its digits."""


class CocoImage(BaseModel):
    """What is read of an image; more keys may be there."""

    id: int
    frame_id: int | None = None
    file_name: str | None = None
    height: Any = None
    width: Any = None


def frames_of(
    images: Sequence[CocoImage], video: VideoInfo
) -> tuple[Mapping[int, int], str | None]:
    """Frame by image id, and how it was decided where a frame_id from 0 does not say it."""
    given = [image.frame_id for image in images if image.frame_id is not None]
    if len(given) == len(images):
        first = first_number(np.array(given, dtype=np.int64), video.num_frames, otherwise=0)
        frames = [number - first for number in given]
        counted = "frame_id counted from 1" if first else None
        return dict(zip((image.id for image in images), frames, strict=True)), counted
    numbers = [last_number(_stem(image.file_name or "")) for image in images]
    found = [number for number in numbers if number is not None]
    if len(set(found)) == len(images):
        name = "the numbers in their file names"
    else:
        found = [image.id for image in images]
        name = "their ids"
    frames, way = _frames(found, video)
    note = f"{len(images)} images without frame_id placed by {name}{way}"
    return dict(zip((image.id for image in images), frames, strict=True)), note


def readable_images(rows: Sequence[Any]) -> tuple[list[CocoImage], str | None]:
    """The images that can be read, and a phrase that counts the others."""
    images = []
    wrong = []
    for number, row in enumerate(rows):
        try:
            images.append(CocoImage.model_validate(row))
        except ValidationError as error:
            wrong.append(f"image {number}: {error.errors()[0]['msg']}")
    if not wrong:
        return images, None
    return images, f"{len(wrong)} of {len(rows)} images skipped ({wrong[0]})"


def of_another_size(images: Sequence[CocoImage], video: VideoInfo) -> Mapping[int, str]:
    """What is wrong with each image that has a size, and another one than the video: boxes are
    in its pixels, and whether it was scaled or cut is not known.
    """
    return {
        image.id: f"its image is {image.width}x{image.height}, the clip {video.width}x"
        f"{video.height}"
        for image in images
        if image.width and image.height
        if (image.width, image.height) != (video.width, video.height)
    }


def last_number(stem: str) -> int | None:
    """The last number in a file's name, given without its ending."""
    numbers = re.findall(r"[0-9]+", stem)
    # What does not fit 64 bits is no frame.
    return int(numbers[-1]) if numbers and len(numbers[-1]) <= _DIGITS else None


def _stem(file_name: str) -> str:
    return PurePosixPath(file_name.replace("\\", "/")).stem


def _frames(numbers: Sequence[int], video: VideoInfo) -> tuple[list[int], str]:
    """The frames of numbered images, and in words where the numbers begin."""
    first = likely_first(np.array(numbers), video.num_frames)
    frames = [number - first for number in numbers]
    end = video.num_frames
    if min(frames) >= 0 and (end is None or max(frames) < end):
        return frames, f", counted from {first}"
    rank = {number: place for place, number in enumerate(sorted(set(numbers)))}
    return [rank[number] for number in numbers], ", in their order"
