"""Which frame an image of a COCO dataset is.

`frame_id` says it, as trackers write it.  Where an image has none, the last number in the file
names decides, and where that is missing or not distinct, the image ids.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from pydantic import BaseModel

from vseg.types import VideoInfo


class CocoImage(BaseModel):
    """What is read of an image; more keys may be there."""

    id: int
    frame_id: int | None = None
    file_name: str = ""


def frames_of(
    images: Sequence[CocoImage], video: VideoInfo
) -> tuple[Mapping[int, int], str | None]:
    """Frame by image id, and how it was decided; None where every image has a frame_id."""
    given = {image.id: image.frame_id for image in images if image.frame_id is not None}
    if len(given) == len(images):
        return given, None
    numbers = [_number(image.file_name) for image in images]
    found = [number for number in numbers if number is not None]
    if len(set(found)) == len(images):
        name = "the numbers in their file names"
    else:
        found = [image.id for image in images]
        name = "their ids"
    frames, way = _frames(found, video)
    return dict(zip((image.id for image in images), frames, strict=True)), (
        f"{len(images)} images without frame_id placed by {name}{way}"
    )


def _number(file_name: str) -> int | None:
    """The last number in a file's name, without its ending."""
    numbers = re.findall(r"[0-9]+", PurePosixPath(file_name.replace("\\", "/")).stem)
    return int(numbers[-1]) if numbers else None


def _frames(numbers: Sequence[int], video: VideoInfo) -> tuple[list[int], str]:
    """The frames of numbered images, and in words where the numbers begin.

    Numbers that do not fit the clip, and those of as many images as the clip has frames, give
    only the order.
    """
    end = video.num_frames
    first = 0 if min(numbers) == 0 else 1
    fits = min(numbers) in (0, 1) and (end is None or max(numbers) - first < end)
    if fits:
        return [number - first for number in numbers], f", counted from {first}"
    if end is not None and len(numbers) != end and 0 <= min(numbers) <= max(numbers) < end:
        return list(numbers), ", counted from 0"
    rank = {number: place for place, number in enumerate(sorted(set(numbers)))}
    return [rank[number] for number in numbers], ", in their order"
