"""agreement.parquet: the IoU of a forward and a backward track of one object, by frame.

Enters: what a correction measured where both tracks exist and the stored one stays.  Leaves:
the file of a revision, with what its parent's still says of masks that did not change; and its
rows, of a range of frames.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vseg.io.files import atomic_path
from vseg.ops.ranges import Ranges, holds
from vseg.results.layout import AGREEMENT
from vseg.results.shards import open_parquet

Agreements = Mapping[tuple[int, int], float]
"""IoU in [0, 1] by object id and frame."""

_GROUP_ROWS = 4096


def read_agreement(
    content: Path, first: int = 0, end: int | None = None
) -> dict[tuple[int, int], float]:
    """The rows of frames [first, end), or to the last; nothing where a revision has no such
    file.  Raises BadRun.
    """
    path = content / AGREEMENT
    if not path.exists():
        return {}
    with open_parquet(path, agreement_schema()) as file:
        groups = range(file.metadata.num_row_groups)
        return {
            (row["object_id"], row["frame"]): row["iou"]
            for group in groups
            if _reaches(file, group, first, end)
            for row in file.read_row_group(group).to_pylist()
            if first <= row["frame"] and (end is None or row["frame"] < end)
        }


def update_agreement(
    content: Path, measured: Agreements, changed: Mapping[int, Ranges]
) -> None:
    """Add what was measured to a revision's file; what is said there of changed masks goes.

    changed: ranges of frames by object id.  Raises BadRun, OutputError.
    """
    before = read_agreement(content)
    kept = {(i, f): v for (i, f), v in before.items() if not holds(changed.get(i, ()), f)}
    merged = kept | dict(measured)
    if merged != before:
        _write(content / AGREEMENT, merged)


def agreement_schema() -> Any:
    """Columns of agreement.parquet."""
    import pyarrow as pa

    kinds = {"object_id": pa.int32(), "frame": pa.int64(), "iou": pa.float32()}
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in kinds.items()])


def _write(path: Path, agreements: Agreements) -> None:
    """Replace the file, rows by ascending frame, so that a range of frames is read alone."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    keys = sorted(agreements, key=lambda key: (key[1], key[0]))
    columns = [
        [object_id for object_id, _ in keys],
        [frame for _, frame in keys],
        [agreements[key] for key in keys],
    ]
    schema = agreement_schema()
    arrays = [
        pa.array(column, type=field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    with atomic_path(path) as part:
        table = pa.Table.from_arrays(arrays, schema=schema)
        pq.write_table(table, part, row_group_size=_GROUP_ROWS)


def _reaches(file: Any, group: int, first: int, end: int | None) -> bool:
    """Whether a row group may hold frames of the range."""
    statistics = file.metadata.row_group(group).column(1).statistics
    if statistics is None:
        return True
    return bool(statistics.max >= first and (end is None or statistics.min < end))
