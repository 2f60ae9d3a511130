"""agreement.parquet: how far the forward and the backward track of an object agree, where a
correction made both.

Enters: rows of object, frame and IoU.  Leaves: the same, read back for a range of frames.
There is no file where no object was tracked both ways.
"""

from pathlib import Path
from typing import Any

from vseg.io.files import atomic_path
from vseg.results.layout import AGREEMENT
from vseg.results.shards import open_parquet

Agreements = dict[tuple[int, int], float]
"""IoU in [0, 1] by object id and frame."""

_GROUP_ROWS = 4096


def write_agreement(content: Path, agreements: Agreements) -> None:
    """Replace the file of a revision, rows by ascending frame.  Raises OutputError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = sorted(agreements.items(), key=lambda row: (row[0][1], row[0][0]))
    columns = (
        [obj for (obj, _), _ in rows],
        [frame for (_, frame), _ in rows],
        [iou for _, iou in rows],
    )
    schema = agreement_schema()
    arrays = [
        pa.array(values, type=field.type)
        for field, values in zip(schema, columns, strict=True)
    ]
    with atomic_path(content / AGREEMENT) as part:
        table = pa.Table.from_arrays(arrays, schema=schema)
        pq.write_table(table, part, row_group_size=_GROUP_ROWS)


def read_agreement(content: Path, first: int, end: int) -> Agreements:
    """The rows of frames [first, end); none where there is no file.  Raises BadRun."""
    path = content / AGREEMENT
    if not path.exists():
        return {}
    with open_parquet(path, agreement_schema()) as file:
        groups = range(file.metadata.num_row_groups)
        wanted = [group for group in groups if _reaches(file, group, first, end)]
        return {
            (row["object_id"], row["frame"]): row["iou"]
            for group in wanted
            for row in file.read_row_group(group).to_pylist()
            if first <= row["frame"] < end
        }


def agreement_schema() -> Any:
    """Columns of agreement.parquet."""
    import pyarrow as pa

    kinds = {"object_id": pa.int32(), "frame": pa.int64(), "iou": pa.float32()}
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in kinds.items()])


def _reaches(file: Any, group: int, first: int, end: int) -> bool:
    statistics = file.metadata.row_group(group).column(1).statistics
    if statistics is None:
        return True
    return bool(statistics.min < end and statistics.max >= first)
