"""A Parquet table: columns frame, x1, y1, x2, y2, score, and where wanted label and id.

Enters: a .parquet file, frames counted from 0.  Leaves: a DetectionTable.
"""

from pathlib import Path
from typing import Any

import numpy as np

from vseg.errors import BadDetections
from vseg.exchange.detection_table import NO_ID, DetectionTable

_NEEDED = ("frame", "x1", "y1", "x2", "y2", "score")


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
