"""Parquet tables, frames counted from 0: of detections, and of masks.

Detections, read as a DetectionTable: columns frame, x1, y1, x2, y2, score, and where wanted
label (numbers or words) and id.  Masks: a row per object and frame with frame, object_id,
label, score, the bounding box as x1, y1, x2, y2, area, and height, width, counts as COCO's
compressed run lengths; an absent object has no counts, and a frame without objects a row with
no object_id.  Nothing is lost.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from pydantic import BaseModel

from vseg.errors import BadDetections, BadExchange
from vseg.exchange.detection_table import NO_ID, WRONG_ID, DetectionTable
from vseg.exchange.file_rows import add_whole, checked, located, score_of
from vseg.exchange.segmentation import Runs, mask_of
from vseg.frame_masks import FrameMasks
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink
from vseg.ops.rle import encode_rle
from vseg.types import MaskCrop

_NEEDED = ("frame", "x1", "y1", "x2", "y2", "score")
_MASK_COLUMNS = ("frame", "object_id", "height", "width", "counts")
# Whole numbers are exact in a float up to here.
_MAX_WHOLE = 2**53
_BATCH = 128
"""Rows written and read at once: some ten objects over ten frames."""


def read_parquet(path: Path) -> DetectionTable:
    """The rows of the file; one with a gap, or a frame that is not whole, is unreadable.
    Raises BadDetections for a missing column or one of another type.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except pa.ArrowException as error:
        raise BadDetections(f"{path} is not a Parquet file: {error}") from error
    missing = [name for name in _NEEDED if name not in table.column_names]
    if missing:
        raise BadDetections(
            f"{path} has no column '{missing[0]}'",
            hint=f"needed: {', '.join(_NEEDED)}; label and id may be added",
        )
    columns = {name: _column(path, table, name) for name in _NEEDED}
    why = _unreadable(table, columns["frame"])
    readable = np.ones(table.num_rows, dtype=bool)
    readable[list(why)] = False
    rows = np.flatnonzero(readable)
    numbers = {name: values[rows] for name, values in columns.items()}
    return DetectionTable(
        source=str(path),
        frames=numbers["frame"].astype(np.int64),
        boxes=np.stack([numbers[name] for name in _NEEDED[1:5]], axis=1),
        scores=numbers["score"],
        labels=_classes(path, table)[rows],
        ids=_whole(path, table, "id", absent=NO_ID)[rows],
        where=lambda row: f"row {rows[row]}",
        unreadable=tuple((f"row {row}", reason) for row, reason in sorted(why.items())),
    )


def _unreadable(table: Any, frames: Float64[np.ndarray, " N"]) -> dict[int, str]:
    """Why rows cannot be read, by row."""
    fraction = np.flatnonzero((frames != np.rint(frames)) | ~(abs(frames) < _MAX_WHOLE))
    why = {row: f"frame {frames[row]:g} is not a whole number" for row in fraction.tolist()}
    for name in reversed(_NEEDED):
        if table[name].null_count:
            gaps = np.flatnonzero(table[name].is_null().to_numpy())
            why |= {row: f"{name} is missing" for row in gaps.tolist()}
    return why


def _column(path: Path, table: Any, name: str) -> Float64[np.ndarray, " N"]:
    """A column as numbers, NaN where there is none."""
    values = table[name].to_numpy()
    if not np.issubdtype(values.dtype, np.number):
        raise BadDetections(
            f"{path}: column '{name}' holds {table[name].type}", hint="store it as numbers"
        )
    return np.asarray(values, dtype=np.float64)


def _classes(path: Path, table: Any) -> Int64[np.ndarray, " N"]:
    """The column of labels as class numbers: words are numbered in alphabetical order."""
    import pyarrow as pa

    if "label" not in table.column_names:
        return np.full(table.num_rows, -1)
    kind = table.schema.field("label").type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return _whole(path, table, "label", absent=-1)
    words = table["label"].to_pylist()
    number = {word: place for place, word in enumerate(sorted(set(words) - {None}))}
    return np.array([number.get(word, -1) for word in words], dtype=np.int64)


def _whole(path: Path, table: Any, name: str, absent: int) -> Int64[np.ndarray, " N"]:
    """A column of whole numbers that may be missing; `absent` where there is none."""
    if name not in table.column_names or table[name].null_count == table.num_rows:
        return np.full(table.num_rows, absent)
    values = table[name].to_numpy()
    if np.issubdtype(values.dtype, np.integer):
        return np.asarray(values, dtype=np.int64)
    values = _column(path, table, name)
    whole = np.isfinite(values) & (values == np.rint(values)) & (abs(values) < _MAX_WHOLE)
    numbers = np.where(whole, values, 0).astype(np.int64)
    return np.where(whole, numbers, np.where(np.isnan(values), absent, WRONG_ID))


class _StoredMask(BaseModel):
    """What is read of a row of masks; more columns may be there."""

    frame: int
    object_id: int | None
    height: int | None = None
    width: int | None = None
    counts: str | None = None
    score: float | None = None
    label: str | None = None


class ParquetFormat(MaskFormat):
    """One table."""

    name = "parquet"
    suffix = ".parquet"

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = _schema(pa)
        rows: list[dict[str, Any]] = []
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for frame in masks:
                rows += _mask_rows(frame, masks.labels)
                if len(rows) >= _BATCH:
                    writer.write_table(pa.Table.from_pylist(rows, schema=schema))
                    rows = []
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give the mask of every row."""
        for where, row in _stored_rows(path):
            with located(where):
                sink.add_frame(row.frame)
                if row.object_id is None:
                    continue
                crop = _crop(row, sink)
                add_whole(sink, row.frame, row.object_id, crop, score_of(row.score))
                if row.label is not None:
                    sink.name_object(row.object_id, row.label)


def _crop(row: _StoredMask, sink: MaskSink) -> MaskCrop:
    if row.counts is None:
        return MaskCrop.empty()
    size = (row.height or 0, row.width or 0)
    return mask_of(Runs(size=size, counts=row.counts), sink.video)


def _schema(pa: Any) -> Any:
    whole = pa.int64()
    return pa.schema(
        [
            pa.field("frame", whole, nullable=False),
            ("object_id", whole),
            ("label", pa.string()),
            ("score", pa.float32()),
            *((side, whole) for side in ("x1", "y1", "x2", "y2", "area")),
            ("height", whole),
            ("width", whole),
            ("counts", pa.string()),
        ]
    )


def _mask_rows(frame: FrameMasks, labels: dict[int, str]) -> Iterator[dict[str, Any]]:
    size = {"frame": frame.frame_index, "height": frame.height, "width": frame.width}
    if not len(frame):
        yield size
    for obj, score in zip(frame, frame.scores.tolist(), strict=True):
        crop = frame.crop(obj)
        counts = encode_rle(crop, frame.height, frame.width) if crop.area else None
        box = dict(zip(("x1", "y1", "x2", "y2"), crop.xyxy, strict=True))
        row = {"object_id": obj, "label": labels.get(obj), "score": score, "counts": counts}
        yield {**size, **row, **box, "area": crop.area}


def _stored_rows(path: Path) -> Iterator[tuple[str, _StoredMask]]:
    """Where and what every row is."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            missing = [name for name in _MASK_COLUMNS if name not in file.schema_arrow.names]
            if missing:
                raise BadExchange(
                    f"{path} has no column '{missing[0]}'",
                    hint=f"a table of masks has {', '.join(_MASK_COLUMNS)}",
                )
            number = 0
            for batch in file.iter_batches(batch_size=_BATCH):
                for row in batch.to_pylist():
                    where = f"{path}, row {number}"
                    yield where, checked(_StoredMask, where, row)
                    number += 1
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise BadExchange(f"{path} is not a Parquet file: {error}") from error
