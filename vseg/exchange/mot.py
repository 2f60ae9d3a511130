"""MOTChallenge text: frame, id, left, top, width, height, score[, class, ...]; frames count
from 1.

Read: a det.txt as a DetectionTable, tracks as filled boxes; an id of -1 (or 0) is none.
Written: a box per mask, its score and -1 for what is unknown; a box has no room for a mask.
Format: Milan et al., "MOT16: A Benchmark for Multi-Object Tracking", 2016, table 4.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from vseg.errors import BadDetections, BadExchange
from vseg.exchange.detection_table import NO_ID, WRONG_ID, DetectionTable
from vseg.exchange.file_rows import located
from vseg.exchange.held_masks import box_crop, boxes
from vseg.exchange.mot_columns import MOT_ORDER, Columns, split, split_names
from vseg.exchange.segmentation import check_near
from vseg.frame_masks import FrameMasks
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink
from vseg.types import MaskCrop, VideoInfo

Sides = tuple[int | float, int | float, int | float, int | float]

_LEAST_COLUMNS = 7
_CLASS = 7
# Whole numbers are exact in a float up to here.
_MAX_WHOLE = 2**53
_MAX_ID = 2**63


def read_mot(path: Path) -> DetectionTable:
    """The rows of the file, not yet checked, and the lines that are none.  A first line of
    words alone names the columns.  Raises BadDetections where these hold no box.
    """
    lines: list[int] = []
    rows: list[list[float]] = []
    ids: list[int] = []
    unreadable: list[tuple[str, str]] = []
    columns = None
    for number, text in enumerate(path.read_text("utf-8-sig").splitlines(), start=1):
        parts = split(text)
        if not parts:
            continue
        if number == 1 and not any(map(_is_number, parts)):
            columns = _columns(path, text)
            continue
        try:
            parts = columns.in_order(parts) if columns else parts
            rows.append(_numbers(parts))
        except ValueError as error:
            unreadable.append((f"line {number}", str(error)))
            continue
        lines.append(number)
        ids.append(_id(parts[1]))
    values = np.array(rows, dtype=np.float64).reshape(-1, _CLASS + 1)
    corner = values[:, 2:4]
    return DetectionTable(
        source=str(path),
        frames=values[:, 0].astype(np.int64) - 1,
        boxes=np.concatenate([corner, corner + values[:, 4:6]], axis=1),
        scores=values[:, 6],
        labels=values[:, _CLASS].astype(np.int64),
        ids=_ids(ids),
        where=lambda row: f"line {lines[row]}",
        unreadable=tuple(unreadable),
        first_frame=1,
    )


def _columns(path: Path, text: str) -> Columns | None:
    try:
        return Columns.named(split_names(text))
    except ValueError as error:
        raise BadDetections(
            f"{path}, line 1: {error}",
            hint=f"name the columns {', '.join(MOT_ORDER)}, or x1, y1, x2, y2 for the box",
        ) from error


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(parts: list[str]) -> list[float]:
    """The first eight columns of a line; the class is -1 where there is none.  Raises
    ValueError.
    """
    if len(parts) < _LEAST_COLUMNS:
        raise ValueError(f"{len(parts)} columns, not frame,id,left,top,width,height,score")
    values = [float(part) for part in parts[: _CLASS + 1]]
    whole = [*values[:2], *values[_CLASS:]]
    if not all(value.is_integer() for value in whole):
        raise ValueError(
            f"frame {values[0]:g}, id {values[1]:g}: frame, id and class are whole numbers"
        )
    if abs(values[0]) >= _MAX_WHOLE or abs(values[-1]) >= _MAX_WHOLE:
        raise ValueError(f"frame {values[0]:g} or a class beyond 53 bits")
    return values if len(values) > _CLASS else [*values, -1.0]


def _id(text: str) -> int:
    """An id; every digit of it where it is written as a whole number."""
    try:
        number = int(text)
    except ValueError:
        number = int(float(text))
    return number if abs(number) < _MAX_ID else WRONG_ID


def _ids(numbers: list[int]) -> Int64[np.ndarray, " N"]:
    """Negative ids are none, and so is 0 in a file without any other."""
    ids = np.array(numbers, dtype=np.int64)
    zero = WRONG_ID if (ids > 0).any() else NO_ID
    return np.where((ids > 0) | (ids == WRONG_ID), ids, np.where(ids == 0, zero, NO_ID))


class MotFormat(MaskFormat):
    """One text file: a row per object that has a mask, by frame and id."""

    name = "mot"
    suffix = ".txt"
    loss = "boxes only: a row has no room for a mask"
    boxes_only = True

    def held(self, masks: FrameMasks) -> FrameMasks:
        """The bounding box of every mask."""
        return boxes(masks)

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the file."""
        with path.open("w", encoding="ascii", newline="\n") as handle:
            for frame in masks:
                for obj, score in zip(frame, frame.scores.tolist(), strict=True):
                    crop = frame.crop(obj)
                    if crop.area:
                        row = mot_row(frame.frame_index, obj, crop.xyxy, score)
                        handle.write(row + "\n")

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give the box of every line as a filled mask; a file that names a frame 0 counts from
        0.  Lines of an id below 1 have no object.
        """
        first = int(min((values[0] for _, values in _lines(path)), default=1))
        for where, values in _lines(path):
            frame, number, *sides, score, _ = values
            with located(where):
                object_id = int(number) if number >= 1 else None
                crop = _on_frame(sides, sink.video)
                sink.add(int(frame) - min(1, first), object_id, crop, score)


def _on_frame(sides: list[float], video: VideoInfo) -> MaskCrop:
    """The whole pixels of left, top, width, height.  Raises BadExchange if there is none."""
    x, y, width, height = sides
    check_near(np.array([[x, y], [x + width, y + height]]), video)
    limits = [video.width, video.height] * 2
    corners = np.clip(np.round([x, y, x + width, y + height]), 0, limits)
    crop = box_crop(*corners.astype(np.int64).tolist())
    if not crop.area:
        raise BadExchange(
            f"the box {x:g},{y:g},{width:g},{height:g} is not on the "
            f"{video.width}x{video.height} frame"
        )
    return crop


def _lines(path: Path) -> Iterator[tuple[str, list[float]]]:
    """Where, and the first eight columns of every line."""
    where = str(path)
    try:
        with path.open(encoding="utf-8-sig") as handle:
            for number, text in enumerate(handle, start=1):
                parts = text.replace(",", " ").split()
                if parts:
                    where = f"{path}, line {number}"
                    yield where, _numbers(parts)
    except UnicodeDecodeError as error:
        raise BadExchange(f"{path} is not MOTChallenge text: {error}", hint=_LINE) from error
    except ValueError as error:
        raise BadExchange(
            f"{path} is not MOTChallenge text: {where}: {error}", hint=_LINE
        ) from error


_LINE = "a line is frame,id,left,top,width,height,score in UTF-8; or name another --format"


def mot_row(frame_index: int, track_id: int, box: Sides, score: float) -> str:
    """One line without its end; the frame is counted from 0, the box is x1 y1 x2 y2."""
    x1, y1, x2, y2 = box
    sides = f"{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
    return f"{frame_index + 1},{track_id},{sides},{score:.3f},-1,-1,-1"
