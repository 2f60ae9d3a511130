"""COCO results: a JSON list of {image_id, category_id, score, bbox and/or segmentation}.

Enters: results.json, or a whole dataset file with `images` and `annotations` as `vseg export --to coco`
writes it.  Leaves: a DetectionTable, with masks where every row has a run-length `segmentation`.  In a
list, image_id is the frame, counted from 0; in a dataset file, the image's frame_id is.
Format: https://cocodataset.org/#format-results
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from vseg.detections.table import NO_ID, DetectionTable
from vseg.errors import BadDetections, BadMask
from vseg.ops.rle import decode_rle
from vseg.types import MaskCrop, VideoInfo

Sides = tuple[float, float, float, float]


class _Runs(BaseModel):
    """A compressed mask: size is height, width."""

    size: tuple[int, int]
    counts: str


class _Row(BaseModel):
    """What is read of a result; more keys may be there."""

    model_config = ConfigDict(extra="ignore")

    image_id: int
    category_id: int = -1
    score: float
    bbox: Sides | None = None
    segmentation: _Runs | None = None
    track_id: Annotated[int, Field(ge=1)] | None = None


class _Image(BaseModel):
    id: int
    frame_id: int


_ROWS = TypeAdapter(list[_Row])
_IMAGES = TypeAdapter(list[_Image])


@dataclass(frozen=True, slots=True)
class _Place:
    """A row's box and mask; the box is the mask's where the row gives none."""

    box: Sides
    mask: MaskCrop | None


def read_coco(path: Path, video: VideoInfo) -> DetectionTable:
    """The rows of the file.  Raises BadDetections naming the row that cannot be read."""
    rows, frame_of = _contents(path)
    unknown = [row for row, each in enumerate(rows) if frame_of and each.image_id not in frame_of]
    if unknown:
        raise BadDetections(
            f"{path}, row {unknown[0]}: there is no image {rows[unknown[0]].image_id}",
            hint="an image_id is the id of one of `images`",
        )
    places = [_place(f"{path}, row {row}", each, video) for row, each in enumerate(rows)]
    masks = tuple(place.mask for place in places if place.mask is not None)
    ids = [NO_ID if each.track_id is None else each.track_id for each in rows]
    frames = [frame_of.get(each.image_id, each.image_id) for each in rows]
    return DetectionTable(
        source=str(path),
        frames=np.array(frames, dtype=np.int64),
        boxes=np.array([place.box for place in places], dtype=np.float64).reshape(-1, 4),
        scores=np.array([each.score for each in rows], dtype=np.float64),
        labels=np.array([each.category_id for each in rows], dtype=np.int64),
        ids=np.array(ids, dtype=np.int64),
        where=lambda row: f"row {row}",
        masks=masks if masks and len(masks) == len(rows) else None,
    )


def _contents(path: Path) -> tuple[list[_Row], Mapping[int, int]]:
    """The rows, and frame by image id where the file lists its images."""
    try:
        content: Any = json.loads(path.read_text("utf-8"))
        if isinstance(content, dict):
            images = _IMAGES.validate_python(content.get("images"))
            rows = _ROWS.validate_python(content.get("annotations"))
            return rows, {image.id: image.frame_id for image in images}
        return _ROWS.validate_python(content), {}
    except json.JSONDecodeError as error:
        raise BadDetections(f"{path} is not JSON: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        row, *key = first["loc"] or ("the file",)
        where = f"row {row}" if isinstance(row, int) else str(row)
        name = ".".join(map(str, key))
        raise BadDetections(
            f"{path}, {where}: {name or 'the row'} = {first['input']!r:.60}: {first['msg']}",
            hint="a row has image_id, category_id, score, and bbox or a compressed segmentation",
        ) from error


def _place(where: str, row: _Row, video: VideoInfo) -> _Place:
    mask = None
    if row.segmentation is not None:
        mask = _mask(where, row.segmentation, video)
    if row.bbox is not None:
        x, y, width, height = row.bbox
        return _Place((x, y, x + width, y + height), mask)
    if mask is None:
        raise BadDetections(f"{where}: neither bbox nor segmentation", hint="give one of them")
    x, y, width, height = map(float, mask.xywh)
    return _Place((x, y, x + width, y + height), mask)


def _mask(where: str, runs: _Runs, video: VideoInfo) -> MaskCrop:
    if runs.size != (video.height, video.width):
        raise BadDetections(
            f"{where}: the mask is {runs.size[1]}x{runs.size[0]}, the frame "
            f"{video.width}x{video.height}",
            hint="is this the file of another clip?",
        )
    try:
        mask = decode_rle(runs.counts, *runs.size)
    except BadMask as error:
        raise BadDetections(f"{where}: {error.message}", hint="give compressed counts") from error
    if mask.area == 0:
        raise BadDetections(f"{where}: the mask is empty", hint="leave the row out")
    return mask
