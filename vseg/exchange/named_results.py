"""The frame of a result whose `image_id` is the name of an image, as Ultralytics writes it.

Enters: the rows of a COCO list of results.  Leaves: the same rows with the frame in place of
the name.  In a folder of images the clip's own files decide.  Otherwise the last number in
each name does, counted from 0 or from 1; numbers that do not fit the clip give the order, if
every frame has one.
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from vseg.errors import BadDetections
from vseg.exchange.coco_images import last_number
from vseg.exchange.frame_counting import likely_first
from vseg.types import VideoInfo
from vseg.video.images import SUFFIXES, image_files
from vseg.video.numbering import number_images


def place_names(
    path: Path, rows: Sequence[Any], video: VideoInfo
) -> tuple[list[Any], str] | None:
    """The rows with frames for names, and how they were placed; None where their image_ids are
    frames already.  Raises BadDetections where names do not tell the frames.
    """
    given = {str(row["image_id"]) for row in rows if _has_id(row)}
    names = sorted(given, key=lambda name: (len(name), name))
    words = [name for name in names if not _is_whole(name)]
    last = max((int(name) for name in names if _is_whole(name)), default=0)
    beyond = video.num_frames is not None and last > video.num_frames
    frames = _by_files(names, video) if words or beyond else None
    way = "the names of the clip's files"
    if frames is None and words:
        frames = _by_numbers(names, video)
        way = "the numbers in the names"
        if frames is None:
            raise BadDetections(
                f"{path}: image_id '{words[0]:.60}' is a name, and the names in the file do "
                "not tell the frames of the clip",
                hint="write the number of the frame, from 0, as image_id",
            )
    if frames is None:
        return None
    frame_of = dict(zip(names, frames, strict=True))
    placed = [
        {**row, "image_id": frame_of[str(row["image_id"])]} if _has_id(row) else row
        for row in rows
    ]
    return placed, f"{len(names)} images placed by {way}"


def _has_id(row: Any) -> bool:
    if not isinstance(row, dict):
        return False
    value = row.get("image_id")
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def _is_whole(name: str) -> bool:
    return name.removeprefix("-").isdecimal() and len(name) <= 18


def _stem(name: str) -> str:
    """The name without folders and the ending of an image; other dots are part of it."""
    pure = PurePosixPath(name.replace("\\", "/"))
    return pure.stem if pure.suffix.lower() in SUFFIXES else pure.name


def _by_files(names: Sequence[str], video: VideoInfo) -> list[int] | None:
    """The frames of a clip that is a folder; None where a name is none of its files."""
    folder = Path(video.source)
    if not video.source or video.num_frames is None or not folder.is_dir():
        return None
    files = image_files(folder)
    # A folder whose numbers leave frames out is longer than its files are many.
    by_number = len(files) != video.num_frames
    numbers = number_images(files, "by-number" if by_number else "by-order")
    frame_of: dict[str, int] = {}
    for file, number in zip(files, numbers, strict=True):
        frame_of[file.stem] = number
        if file.stem.isdecimal():
            frame_of[file.stem.lstrip("0") or "0"] = number
    found = [frame_of.get(_stem(name)) for name in names]
    frames = [frame for frame in found if frame is not None]
    return frames if len(frames) == len(names) else None


def _by_numbers(names: Sequence[str], video: VideoInfo) -> list[int] | None:
    """The frames by the numbers in the names; None where these do not tell them."""
    found = [last_number(_stem(name)) for name in names]
    numbers = [number for number in found if number is not None]
    if len(set(numbers)) < len(names):
        return None
    first = likely_first(np.array(numbers, dtype=np.int64), video.num_frames)
    end = video.num_frames
    if min(numbers) >= first and (end is None or max(numbers) < end + first):
        return [number - first for number in numbers]
    if len(numbers) != end:
        return None
    rank = {number: place for place, number in enumerate(sorted(numbers))}
    return [rank[number] for number in numbers]
