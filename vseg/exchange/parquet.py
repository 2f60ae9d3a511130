"""Parquet tables, frames counted from 0: of detections, and of masks.

Detections, read as a DetectionTable: columns frame, x1, y1, x2, y2, score, and where wanted
label and id.  Masks: a row per object and frame with frame, object_id, label, score, the
bounding box as x1, y1, x2, y2, area, and height, width, counts as COCO's compressed run
lengths; an absent object has no counts, and a frame without objects a row with no object_id.
Nothing is lost.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from vseg.errors import BadDetections, BadExchange
from vseg.exchange.detection_table import NO_ID, DetectionTable
from vseg.exchange.file_rows import checked, located
from vseg.exchange.segmentation import Runs, mask_of
from vseg.frame_masks import FrameMasks
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink
from vseg.ops.rle import encode_rle
from vseg.types import MaskCrop

_NEEDED = ("frame", "x1", "y1", "x2", "y2", "score")
_MASK_COLUMNS = ("frame", "object_id", "height", "width", "counts")
_BATCH = 128
"""Rows written and read at once: some ten objects over ten frames."""


def read_parquet(path: Path) -> DetectionTable:
    """The rows of the file.  Raises BadDetections for a missing column, a gap or a wrong
    type.
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

    def column(name: str, kind: Any) -> np.ndarray:
        return _column(path, table, name, kind)

    rows = table.num_rows
    has = set(table.column_names)
    return DetectionTable(
        source=str(path),
        frames=column("frame", np.int64),
        boxes=np.stack([column(name, np.float64) for name in _NEEDED[1:5]], axis=1),
        scores=column("score", np.float64),
        labels=column("label", np.int64) if "label" in has else np.full(rows, -1),
        ids=column("id", np.int64) if "id" in has else np.full(rows, NO_ID),
        where=lambda row: f"row {row}",
    )


def _column(path: Path, table: Any, name: str, kind: Any) -> np.ndarray:
    """A column as numbers.  A null is not a number."""
    column = table[name]
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise BadDetections(f"{path}, row {row}: {name} is missing", hint="leave the row out")
    values = column.to_numpy()
    whole = np.issubdtype(kind, np.integer)
    if not np.issubdtype(values.dtype, np.integer if whole else np.number):
        raise BadDetections(
            f"{path}: column '{name}' holds {column.type}",
            hint=f"store it as {'whole numbers' if whole else 'numbers'}",
        )
    return np.asarray(values, dtype=kind)


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
                sink.add(
                    row.frame, row.object_id, crop, 1.0 if row.score is None else row.score
                )
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
    except pa.ArrowException as error:
        raise BadExchange(f"{path} is not a Parquet file: {error}") from error
