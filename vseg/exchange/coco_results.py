"""COCO, read: results of a detector or a whole dataset file, as a DetectionTable.

A JSON list of {image_id, category_id, score, bbox and/or segmentation}, or an object with
`images` and `annotations`.  In a list, image_id is the frame, counted from 0 or from 1
(`frame_counting`), or the name of an image (`named_results`); in a dataset file, `coco_images`
decides.  A segmentation is compressed or uncompressed run lengths or polygons; where it is
empty, the box is used.  A row's id is its track_id, or that among its attributes (CVAT).
Formats:
https://cocodataset.org/#format-results and #format-data.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from vseg.errors import BadDetections, BadMask
from vseg.exchange.coco_images import frames_of, of_another_size, readable_images
from vseg.exchange.detection_table import NO_ID, WRONG_ID, DetectionTable
from vseg.exchange.frame_counting import likely_first
from vseg.exchange.named_results import place_names
from vseg.exchange.segmentation import Polygons, Runs, Segmentation, mask_of, none_if_empty
from vseg.types import MaskCrop, VideoInfo

Sides = tuple[float, float, float, float]


def _class_of(value: Any) -> Any:
    return -1 if value is None else value


class _Row(BaseModel):
    """What is read of a result; more keys may be there."""

    model_config = ConfigDict(extra="ignore")

    image_id: int
    category_id: Annotated[int, BeforeValidator(_class_of)] = -1
    score: float | None = None
    bbox: Annotated[Sides | None, BeforeValidator(none_if_empty)] = None
    segmentation: Segmentation = None
    track_id: Any = None
    attributes: Any = None

    def identity(self) -> int:
        """The id, NO_ID without one, WRONG_ID for one that cannot be an id."""
        value = self.track_id
        if value is None and isinstance(self.attributes, dict):
            value = self.attributes.get("track_id")
        if value is None or value == -1:
            return NO_ID
        whole = isinstance(value, int) and not isinstance(value, bool)
        return value if whole and 0 < value < 2**63 else WRONG_ID


_ANY_ROWS = TypeAdapter(list[Any])


@dataclass(frozen=True, slots=True)
class _Region:
    """A row's box and mask; the box is the mask's where the row gives none.  emptied: the row
    has a segmentation without a pixel.
    """

    box: Sides
    mask: MaskCrop | None
    emptied: bool


def read_coco(path: Path, video: VideoInfo) -> DetectionTable:
    """The rows of the file, not yet checked, and those that cannot be read; its changes say
    how frames were counted.
    """
    content, frame_of, placed, strange = _contents(path, video)
    rows: list[tuple[int, _Row, _Region]] = []
    unreadable: list[tuple[str, str]] = []
    for number, value in enumerate(content):
        where = f"{path}, row {number}"
        try:
            row = _row(where, value, frame_of)
            if row.image_id in strange:
                raise BadDetections(f"{where}: {strange[row.image_id]}")
            rows.append((number, row, _region(where, row, video)))
        except BadDetections as error:
            reason = error.message.removeprefix(f"{where}: ")
            unreadable.append((f"row {number}", reason))
    table = _table(path, rows, unreadable, frame_of)
    table = replace(table, changes=(*placed, *table.changes))
    return table if frame_of is not None else _counted(table, video)


def _table(
    path: Path,
    rows: Sequence[tuple[int, _Row, _Region]],
    unreadable: Sequence[tuple[str, str]],
    frame_of: Mapping[int, int] | None,
) -> DetectionTable:
    masked = any(region.mask is not None for _, _, region in rows)
    scores = [1.0 if row.score is None else row.score for _, row, _ in rows]
    frames = [frame_of[row.image_id] if frame_of else row.image_id for _, row, _ in rows]
    table = DetectionTable(
        source=str(path),
        frames=np.array(frames, dtype=np.int64),
        boxes=np.array([x.box for _, _, x in rows], dtype=np.float64).reshape(-1, 4),
        scores=np.array(scores, dtype=np.float64),
        labels=np.array([row.category_id for _, row, _ in rows], dtype=np.int64),
        ids=np.array([row.identity() for _, row, _ in rows], dtype=np.int64),
        where=lambda row: f"row {rows[row][0]}",
        masks=tuple(x.mask or MaskCrop.empty() for _, _, x in rows) if masked else None,
        unreadable=tuple(unreadable),
    )
    unscored = np.array([row.score is None for _, row, _ in rows], dtype=bool)
    emptied = np.array([region.emptied for _, _, region in rows], dtype=bool)
    table = table.noted("{} without a score taken as 1 ({})", unscored)
    return table.noted("{} with an empty segmentation: the box is used ({})", emptied)


def _counted(table: DetectionTable, video: VideoInfo) -> DetectionTable:
    """A list whose image ids may count from 1, which is told from the ids."""
    if likely_first(table.frames, video.num_frames) == 0:
        return table
    note = (
        f"image ids counted from 1 (they go from {table.frames.min()} to {table.frames.max()})"
    )
    changes = (*table.changes, note)
    return replace(table, frames=table.frames - 1, first_frame=1, changes=changes)


def _contents(
    path: Path, video: VideoInfo
) -> tuple[list[Any], Mapping[int, int] | None, tuple[str, ...], Mapping[int, str]]:
    """The rows, frame by image id where the file lists its images, how it was decided, and the
    images of another size than the video's, in words.
    """
    try:
        content = json.loads(path.read_text("utf-8-sig"))
        if not isinstance(content, dict):
            return _listed(path, _ANY_ROWS.validate_python(content), video)
        images = _ANY_ROWS.validate_python(content.get("images"))
        rows = _ANY_ROWS.validate_python(content.get("annotations"))
    except RecursionError as error:
        raise BadDetections(f"{path} is nested too deep for JSON of detections") from error
    except ValidationError as error:
        raise _refusal(f"{path}, images or annotations", error) from error
    except ValueError as error:  # of bytes, of JSON, of long numbers
        raise BadDetections(f"{path} is not JSON: {error}") from error
    readable, skipped = readable_images(images)
    frame_of, placed = frames_of(readable, video)
    if rows and not frame_of:
        raise BadDetections(
            f"{path}, row 0: there are no images", hint="list them in `images`"
        )
    notes = tuple(note for note in (skipped, placed) if note)
    return rows, frame_of, notes, of_another_size(readable, video)


def _listed(
    path: Path, rows: list[Any], video: VideoInfo
) -> tuple[list[Any], Mapping[int, int] | None, tuple[str, ...], Mapping[int, str]]:
    """The same of a list, whose image ids are frames or names."""
    named = place_names(path, rows, video)
    if named is None:
        return rows, None, (), {}
    placed, note = named
    frames = {row["image_id"] for row in placed if isinstance(row, dict) and "image_id" in row}
    whole = [frame for frame in frames if isinstance(frame, int)]
    return placed, dict(zip(whole, whole, strict=True)), (note,), {}


def _row(where: str, value: Any, frame_of: Mapping[int, int] | None) -> _Row:
    try:
        row = _Row.model_validate(value)
    except ValidationError as error:
        raise _refusal(where, error) from error
    if frame_of is not None and row.image_id not in frame_of:
        raise BadDetections(
            f"{where}: there is no image {row.image_id}",
            hint="an image_id is the id of one of `images`",
        )
    if abs(row.image_id) >= 2**53 or abs(row.category_id) >= 2**53:
        raise BadDetections(f"{where}: an image_id or category_id beyond 53 bits")
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
    emptied = mask is None and "segmentation" in row.model_fields_set
    if row.bbox is not None:
        x, y, width, height = row.bbox
        return _Region((x, y, x + width, y + height), mask, emptied)
    if mask is None:
        raise BadDetections(f"{where}: neither bbox nor segmentation", hint="give one of them")
    x1, y1, x2, y2 = map(float, mask.xyxy)
    return _Region((x1, y1, x2, y2), mask, emptied)


def _mask(where: str, segmentation: Runs | Polygons, video: VideoInfo) -> MaskCrop | None:
    """The mask; None where it has no pixel."""
    try:
        mask = mask_of(segmentation, video)
    except BadMask as error:
        raise BadDetections(f"{where}: {error.message}", hint=error.hint) from error
    return mask if mask.area else None
