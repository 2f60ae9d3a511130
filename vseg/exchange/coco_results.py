"""COCO, read: results of a detector or a whole dataset file, as a DetectionTable.

A JSON list of {image_id, category_id, score, bbox and/or segmentation}, or an object with
`images` and `annotations`.  In a list, image_id is the frame, counted from 0, or from 1 where
it reaches the number of frames; in a dataset file, `coco_images` decides.  A segmentation is
compressed or uncompressed run lengths or polygons.  The table has masks where every row has
one.  Formats: https://cocodataset.org/#format-results and #format-data.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from vseg.errors import BadDetections, BadMask
from vseg.exchange.coco_images import CocoImage, frames_of
from vseg.exchange.detection_table import NO_ID, DetectionTable
from vseg.exchange.segmentation import (
    Polygons,
    Runs,
    Segmentation,
    mask_of,
    none_if_empty,
)
from vseg.types import MaskCrop, VideoInfo

Sides = tuple[float, float, float, float]


class _Row(BaseModel):
    """What is read of a result; more keys may be there."""

    model_config = ConfigDict(extra="ignore")

    image_id: int
    category_id: int = -1
    score: float | None = None
    bbox: Annotated[Sides | None, BeforeValidator(none_if_empty)] = None
    segmentation: Segmentation = None
    track_id: Annotated[int, Field(ge=1)] | None = None


_IMAGES = TypeAdapter(list[CocoImage])
_ANY_ROWS = TypeAdapter(list[Any])


@dataclass(frozen=True, slots=True)
class _Region:
    """A row's box and mask; the box is the mask's where the row gives none."""

    box: Sides
    mask: MaskCrop | None


def read_coco(path: Path, video: VideoInfo) -> DetectionTable:
    """The rows of the file; its changes count those that cannot be read.

    Raises BadDetections naming the first of them where more than half cannot.
    """
    content, frame_of, placed = _contents(path, video)
    rows: list[tuple[int, _Row, _Region]] = []
    problems: list[tuple[int, BadDetections]] = []
    for number, value in enumerate(content):
        where = f"{path}, row {number}"
        try:
            row = _row(where, value, frame_of)
            rows.append((number, row, _region(where, row, video)))
        except BadDetections as error:
            problems.append((number, error))
    if 2 * len(problems) > len(content):
        raise problems[0][1]
    table = _table(path, rows, frame_of)
    changes = [placed] if placed else []
    if problems:
        number, first = problems[0]
        reason = first.message.removeprefix(f"{path}, row {number}: ")
        changes.append(f"{len(problems)} skipped (not readable; row {number}: {reason})")
    return _counted(replace(table, changes=(*changes, *table.changes)), frame_of, video)


def _table(
    path: Path, rows: Sequence[tuple[int, _Row, _Region]], frame_of: Mapping[int, int]
) -> DetectionTable:
    masks = tuple(region.mask for _, _, region in rows if region.mask is not None)
    boxes = [region.box for _, _, region in rows]
    scores = [1.0 if row.score is None else row.score for _, row, _ in rows]
    ids = [NO_ID if row.track_id is None else row.track_id for _, row, _ in rows]
    frames = [frame_of.get(row.image_id, row.image_id) for _, row, _ in rows]
    table = DetectionTable(
        source=str(path),
        frames=np.array(frames, dtype=np.int64),
        boxes=np.array(boxes, dtype=np.float64).reshape(-1, 4),
        scores=np.array(scores, dtype=np.float64),
        labels=np.array([row.category_id for _, row, _ in rows], dtype=np.int64),
        ids=np.array(ids, dtype=np.int64),
        where=lambda row: f"row {rows[row][0]}",
        masks=masks if masks and len(masks) == len(rows) else None,
    )
    unscored = np.array([row.score is None for _, row, _ in rows], dtype=bool)
    return table.noted("{} without a score taken as 1 ({})", unscored)


def _counted(
    table: DetectionTable, frame_of: Mapping[int, int], video: VideoInfo
) -> DetectionTable:
    """Image ids of a list that begin at 1 and reach the number of frames count from 1."""
    last = table.frames == video.num_frames
    if frame_of or not last.any() or table.frames.min() < 1:
        return table
    table = table.noted("image ids counted from 1 ({} on the last frame; {})", last)
    return replace(table, frames=table.frames - 1)


def _contents(path: Path, video: VideoInfo) -> tuple[list[Any], Mapping[int, int], str | None]:
    """The rows, frame by image id where the file lists its images, and how it was decided."""
    try:
        content = json.loads(path.read_text("utf-8-sig"))
        if not isinstance(content, dict):
            return _ANY_ROWS.validate_python(content), {}, None
        images = _IMAGES.validate_python(content.get("images"))
        rows = _ANY_ROWS.validate_python(content.get("annotations"))
    except json.JSONDecodeError as error:
        raise BadDetections(f"{path} is not JSON: {error}") from error
    except ValidationError as error:
        raise _refusal(f"{path}, images or annotations", error) from error
    frame_of, placed = frames_of(images, video)
    if rows and not frame_of:
        raise BadDetections(
            f"{path}, row 0: there are no images", hint="list them in `images`"
        )
    return rows, frame_of, placed


def _row(where: str, value: Any, frame_of: Mapping[int, int]) -> _Row:
    try:
        row = _Row.model_validate(value)
    except ValidationError as error:
        raise _refusal(where, error) from error
    if frame_of and row.image_id not in frame_of:
        raise BadDetections(
            f"{where}: there is no image {row.image_id}",
            hint="an image_id is the id of one of `images`",
        )
    return row


def _refusal(where: str, error: ValidationError) -> BadDetections:
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"])) or "the row"
    return BadDetections(
        f"{where}: {name} = {first['input']!r:.60}: {first['msg']}",
        hint="a row has image_id, category_id, score, and bbox or segmentation",
    )


def _region(where: str, row: _Row, video: VideoInfo) -> _Region:
    mask = None
    if row.segmentation is not None:
        mask = _mask(where, row.segmentation, video)
    if row.bbox is not None:
        x, y, width, height = row.bbox
        return _Region((x, y, x + width, y + height), mask)
    if mask is None:
        raise BadDetections(f"{where}: neither bbox nor segmentation", hint="give one of them")
    x1, y1, x2, y2 = map(float, mask.xyxy)
    return _Region((x1, y1, x2, y2), mask)


def _mask(where: str, segmentation: Runs | Polygons, video: VideoInfo) -> MaskCrop | None:
    """The mask; None where it has no pixel."""
    try:
        mask = mask_of(segmentation, video)
    except BadMask as error:
        raise BadDetections(
            f"{where}: {error.message}", hint="is this the file of another clip?"
        ) from error
    return mask if mask.area else None
