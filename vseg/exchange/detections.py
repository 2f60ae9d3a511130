"""Detections made elsewhere: a file in, checked boxes or masks by frame out.

`detection_table` holds and checks them, `detection_repair` mends them; `mot`, `coco_results`
and `parquet` read their formats.
"""

from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np

from vseg.errors import BadDetections, NoDetections
from vseg.exchange.detection_repair import MAX_SKIPPED, repair, with_ids
from vseg.exchange.detection_table import DetectionTable
from vseg.exchange.frame_counting import first_number
from vseg.types import VideoInfo

__all__ = ["DetectionTable", "read_detections"]


def read_detections(
    path: Path, video: VideoInfo, *, strict: bool = False, keep_ids: bool = False
) -> DetectionTable:
    """The detections in a file, for the frames of one video.

    `.txt` and `.csv`: MOTChallenge rows; `.json`: COCO results; `.parquet`: a table.  A wrong
    row is skipped or mended, and the table's changes count what was done; with `strict`, and
    where more than half of the rows are wrong, it is refused.  keep_ids: whether the ids of
    the rows are needed, positive and once on a frame.  Raises BadDetections naming the row and
    the value that is wrong, or the file where it cannot be read; NoDetections where no row is
    left.
    """
    try:
        table = _read(path, video)
    except (OSError, UnicodeDecodeError) as error:
        raise BadDetections(f"cannot read {path}: {error}", hint="check the path") from error
    if not table.total:
        raise NoDetections(
            f"{path} holds no detection", hint="is it the output of another step?"
        )
    _check_scale(path, table)
    mended = repair(table, video)
    if keep_ids:
        mended = with_ids(mended)
    skipped = table.total - len(mended)
    if (strict and mended.changes) or skipped > MAX_SKIPPED * table.total:
        _refuse(path, table, mended, video, strict=strict)
    if not mended.changes:
        return mended
    return replace(mended, changes=(f"{path.name}: {', '.join(mended.changes)}",))


def _check_scale(path: Path, table: DetectionTable) -> None:
    """Raise BadDetections for boxes in shares of the frame, as YOLO has them."""
    whole = (table.boxes == np.rint(table.boxes)).all()
    if len(table) and not whole and (table.boxes >= 0).all() and (table.boxes <= 1).all():
        raise BadDetections(
            f"{path}: all boxes lie between 0 and 1: they are shares of the frame, not pixels",
            hint="multiply x and width by the width of the frame, y and height by its height",
        )


def _refuse(
    path: Path,
    table: DetectionTable,
    mended: DetectionTable,
    video: VideoInfo,
    *,
    strict: bool,
) -> NoReturn:
    """Refuse a file, for the first row that is wrong if there is one."""
    if not len(mended) and len(table) and not strict:
        percent = bool(np.median(table.scores) > 1)
        raise NoDetections(
            f"no row of {path} can be used: {', '.join(mended.changes)}",
            hint="scale scores to 0 to 1" if percent else "is this the file of another clip?",
        )
    if table.unreadable:
        where, why = table.unreadable[0]
        raise BadDetections(f"{path}, {where}: {why}", hint="mend the row, or the format")
    if not table.changes:
        table.check(video)
    raise BadDetections(
        f"{path}: {mended.changes[0]}", hint="mend the file, or leave out --strict"
    )


def _read(path: Path, video: VideoInfo) -> DetectionTable:
    kind = path.suffix.lower()
    if kind in (".txt", ".csv"):
        from vseg.exchange.mot import read_mot

        return _counted(read_mot(path), video)
    if kind == ".json":
        from vseg.exchange.coco_results import read_coco

        return read_coco(path, video)
    if kind == ".parquet":
        from vseg.exchange.parquet import read_parquet

        return _from_one(read_parquet(path), video)
    raise BadDetections(
        f"{path}: detections are not read from '{kind or 'a file without an ending'}'",
        hint="give a MOTChallenge .txt, COCO results .json or .parquet file",
    )


def _counted(table: DetectionTable, video: VideoInfo) -> DetectionTable:
    """A MOTChallenge table whose frames may count from 0, which is told from the file."""
    numbers = table.frames + table.first_frame
    if first_number(numbers, video.num_frames, otherwise=1) == 1:
        return table
    table = table.noted("frames counted from 0 ({} on frame 0; {})", numbers == 0)
    return replace(table, frames=numbers, first_frame=0)


def _from_one(table: DetectionTable, video: VideoInfo) -> DetectionTable:
    """A Parquet table whose frames may count from 1, which is told from the table."""
    if first_number(table.frames, video.num_frames, otherwise=0) == 0:
        return table
    last = np.arange(len(table)) == np.argmax(table.frames)
    table = table.noted(
        f"frames counted from 1, to {table.frames.max()} ({{}} there; {{}})", last
    )
    return replace(table, frames=table.frames - 1, first_frame=1)
