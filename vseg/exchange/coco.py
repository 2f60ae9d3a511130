"""COCO: results of a detector are read, runs are written.

Read: a JSON list of {image_id, category_id, score, bbox and/or segmentation}, or a whole
dataset file with `images` and `annotations` as `CocoFormat` writes it.  In a list, image_id is
the frame, counted from 0; in a dataset file, the image's frame_id is.  The result is a
DetectionTable, with masks where every row has a run-length `segmentation`.  Written: one file
with an image per frame and an annotation per visible mask.  `counts` are compressed
run lengths, ids start at 1 because evaluators take 0 for "unmatched", and `track_id` is the
object id.  An absent object has no annotation.  Nothing is lost.  The file is written piece by
piece: memory does not grow with the clip.  Formats: https://cocodataset.org/#format-results
and #format-data, with `videos`, `video_id` and `frame_id` as trackers use them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from vseg.errors import BadDetections, BadMask
from vseg.exchange.detection_table import NO_ID, DetectionTable
from vseg.interfaces.export_format import Loss, MaskSequence
from vseg.ops.rle import decode_rle, encode_rle
from vseg.types import MaskCrop, VideoInfo

Sides = tuple[float, float, float, float]
UNLABELLED = "object"
_VIDEO_ID = 1


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
class _Region:
    """A row's box and mask; the box is the mask's where the row gives none."""

    box: Sides
    mask: MaskCrop | None


def read_coco(path: Path, video: VideoInfo) -> DetectionTable:
    """The rows of the file.  Raises BadDetections naming the row that cannot be read."""
    rows, frame_of = _contents(path)
    unknown = [
        index for index, row in enumerate(rows) if frame_of and row.image_id not in frame_of
    ]
    if unknown:
        raise BadDetections(
            f"{path}, row {unknown[0]}: there is no image {rows[unknown[0]].image_id}",
            hint="an image_id is the id of one of `images`",
        )
    regions = [_region(f"{path}, row {index}", row, video) for index, row in enumerate(rows)]
    masks = tuple(region.mask for region in regions if region.mask is not None)
    ids = [NO_ID if row.track_id is None else row.track_id for row in rows]
    frames = [frame_of.get(row.image_id, row.image_id) for row in rows]
    return DetectionTable(
        source=str(path),
        frames=np.array(frames, dtype=np.int64),
        boxes=np.array([region.box for region in regions], dtype=np.float64).reshape(-1, 4),
        scores=np.array([row.score for row in rows], dtype=np.float64),
        labels=np.array([row.category_id for row in rows], dtype=np.int64),
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
            hint="a row has image_id, category_id, score, and bbox or a compressed "
            "segmentation",
        ) from error


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
        raise BadDetections(
            f"{where}: {error.message}", hint="give compressed counts"
        ) from error
    if mask.area == 0:
        raise BadDetections(f"{where}: the mask is empty", hint="leave the row out")
    return mask


class CocoFormat:
    """One JSON file, written piece by piece."""

    name = "coco"
    suffix = ".json"
    folder = False

    def write(self, masks: MaskSequence, path: Path) -> Loss:
        """Write the file.  Nothing is lost."""
        labels = {obj: masks.labels.get(obj, UNLABELLED) for obj in masks.object_ids}
        names = sorted(set(labels.values()))
        categories = {name: number for number, name in enumerate(names, start=1)}
        category_of = {obj: categories[label] for obj, label in labels.items()}
        with path.open("w", encoding="ascii") as handle:
            handle.write('{"videos": [\n')
            _write_items(handle, [_video(masks)])
            handle.write('\n], "categories": [\n')
            _write_items(handle, ({"id": n, "name": name} for name, n in categories.items()))
            handle.write('\n], "images": [\n')
            _write_items(handle, _images(masks))
            handle.write('\n], "annotations": [\n')
            _write_items(handle, _annotations(masks, category_of))
            handle.write("\n]}\n")
        return Loss()


def _write_items(handle: IO[str], items: Iterable[dict[str, object]]) -> None:
    separator = ""
    for item in items:
        handle.write(separator + json.dumps(item))
        separator = ",\n"


def _video(masks: MaskSequence) -> dict[str, object]:
    return {
        "id": _VIDEO_ID,
        "name": masks.name,
        "width": masks.video.width,
        "height": masks.video.height,
        "length": len(masks),
    }


def _images(masks: MaskSequence) -> Iterator[dict[str, object]]:
    for image_id, frame in enumerate(masks.frame_numbers(), start=1):
        yield {
            "id": image_id,
            "file_name": f"{masks.name}/{frame:05d}.jpg",
            "width": masks.video.width,
            "height": masks.video.height,
            "video_id": _VIDEO_ID,
            "frame_id": frame,
        }


def _annotations(
    masks: MaskSequence, category_of: Mapping[int, int]
) -> Iterator[dict[str, object]]:
    annotation_id = 0
    for image_id, frame in enumerate(masks, start=1):
        for obj, score in zip(frame, frame.scores.tolist(), strict=True):
            crop = frame.crop(obj)
            if crop.area == 0:
                continue
            annotation_id += 1
            counts = encode_rle(crop, frame.height, frame.width)
            yield {
                "id": annotation_id,
                "image_id": image_id,
                "video_id": _VIDEO_ID,
                "category_id": category_of[obj],
                "track_id": obj,
                "segmentation": {"size": [frame.height, frame.width], "counts": counts},
                "area": crop.area,
                "bbox": list(crop.xywh),
                "iscrowd": 0,
                "score": score,
            }
