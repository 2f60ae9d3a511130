"""Shards: a fixed number of consecutive frames as Parquet, and back.

Enters: FrameRecords of one shard.  Leaves: two files, one of masks and one of frames.  The
file of frames is written last and decides: masks of a frame that it does not list were never
committed.  The same records give the same bytes.
"""

import errno
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from vseg.errors import BadRun
from vseg.io.files import atomic_path
from vseg.results.layout import FRAME_SHARDS, FRAMES, MASK_SHARDS, RERUN, shard_path
from vseg.results.mask_rows import FrameRecord, MaskRow

_FULL = (errno.ENOSPC, errno.EDQUOT)

# pyarrow is imported where it is used: `import vseg.results` must stay light.


@dataclass(frozen=True)
class Shard:
    """The frames of one shard, read but not unpacked.

    path: the file of its masks.  frame_numbers: ascending.  masks: Arrow table, mask_frames
    its column "frame", ascending.
    """

    path: Path
    frame_numbers: Int64[np.ndarray, " T"]
    mask_frames: Int64[np.ndarray, " N"]
    frames: Any
    masks: Any

    def record(self, frame_index: int) -> FrameRecord:
        """One frame.  Raises BadRun if the shard does not hold it, or not as it was stored."""
        row = int(np.searchsorted(self.frame_numbers, frame_index))
        if row == len(self.frame_numbers) or self.frame_numbers[row] != frame_index:
            raise BadRun(f"frame {frame_index} is not in the run")
        frame = self.frames.slice(row, 1).to_pylist()[0]
        checksum = frame.pop("checksum")
        first, end = np.searchsorted(self.mask_frames, [frame_index, frame_index + 1])
        rows = self.masks.slice(int(first), int(end - first)).to_pylist()
        record = FrameRecord(**frame, rows=tuple(MaskRow(**row) for row in rows))
        if record.checksum != checksum:
            raise BadRun(
                f"{self.path}: frame {frame_index} is not what was stored",
                hint=RERUN,
            )
        return record

    def records(self) -> Iterator[FrameRecord]:
        """Every frame, ascending."""
        return (self.record(int(index)) for index in self.frame_numbers)

    def rows_of(self, object_id: int) -> Iterator[MaskRow]:
        """The rows of one object, by ascending frame."""
        import pyarrow.compute as pc

        rows = self.masks.filter(pc.equal(self.masks["object_id"], object_id))
        return (MaskRow(**row) for row in rows.to_pylist())


@dataclass(frozen=True, slots=True)
class ChangedFrame:
    """What the table of frames says of a frame's masks."""

    prompted: bool
    checksum: int


def write_shard(root: Path, shard: int, records: Sequence[FrameRecord]) -> None:
    """Replace both files of a shard by these records, whatever their order.

    A kill between the two files leaves the shard as it was.  Raises OutputError.
    """
    frames = sorted(records, key=lambda record: record.index)
    write_masks(root, shard, frames)
    _write_table(shard_path(root, FRAME_SHARDS, shard), frame_schema(), frames)


def write_masks(root: Path, shard: int, records: Sequence[FrameRecord]) -> None:
    """Replace the masks of a shard by those of these records, by ascending frame.  Raises
    OutputError.
    """
    masks = [row for record in records for row in record.rows]
    _write_table(shard_path(root, MASK_SHARDS, shard), mask_schema(), masks)


def changed_frames(table: Any, changes: Mapping[int, ChangedFrame]) -> Any:
    """A table of frames with the marks and checksums of the frames that changed."""
    import pyarrow as pa

    indices = table["index"].to_pylist()
    for name in ("prompted", "checksum"):
        values = [
            getattr(changes[index], name) if index in changes else value
            for index, value in zip(indices, table[name].to_pylist(), strict=True)
        ]
        place = table.schema.get_field_index(name)
        field = table.schema.field(place)
        table = table.set_column(place, field, pa.array(values, type=field.type))
    return table


def rewrite_frames(root: Path, changes: Mapping[int, ChangedFrame]) -> None:
    """Replace frames.parquet of a finished run by one for frames that changed.

    Raises BadRun and OutputError.
    """
    import pyarrow.parquet as pq

    schema = frame_schema()
    with (
        atomic_path(root / FRAMES) as part,
        open_parquet(root / FRAMES, schema) as stored,
        pq.ParquetWriter(part, schema) as writer,
    ):
        for group in range(stored.num_row_groups):
            writer.write_table(changed_frames(stored.read_row_group(group), changes))


def write_frames(root: Path, shard: int, frames: Any) -> None:
    """Write the frame table of a shard on its own, as it was before the tables were joined."""
    import pyarrow.parquet as pq

    with atomic_path(shard_path(root, FRAME_SHARDS, shard)) as part:
        pq.write_table(frames, part)


def read_shard(root: Path, shard: int, frames: Any) -> Shard:
    """The masks of a shard for the frames that its frame table lists.

    Raises BadRun if the file is missing, damaged, foreign, or out of order.
    """
    path = shard_path(root, MASK_SHARDS, shard)
    masks = read_table(path, mask_schema())
    frame_numbers = frames["index"].to_numpy()
    mask_frames = masks["frame"].to_numpy()
    listed = np.isin(mask_frames, frame_numbers)
    if not listed.all():
        masks = masks.filter(listed)
        mask_frames = mask_frames[listed]
    if (np.diff(frame_numbers) <= 0).any() or (np.diff(mask_frames) < 0).any():
        raise BadRun(f"{path}: its frames are out of order", hint=RERUN)
    return Shard(path, frame_numbers, mask_frames, frames, masks)


def read_frames_shard(root: Path, shard: int) -> Shard:
    """A shard of an unfinished run.  Raises BadRun as `read_shard` does."""
    frames = read_table(shard_path(root, FRAME_SHARDS, shard), frame_schema())
    return read_shard(root, shard, frames)


def join_frames(root: Path, shards: Iterable[int]) -> None:
    """Write frames.parquet from the shards of frames, a row group per shard."""
    import pyarrow.parquet as pq

    schema = frame_schema()
    with atomic_path(root / FRAMES) as part, pq.ParquetWriter(part, schema) as writer:
        for shard in shards:
            writer.write_table(read_table(shard_path(root, FRAME_SHARDS, shard), schema))


def damaged_frames(root: Path, shards: Iterable[int]) -> dict[int, str]:
    """The frames of an unfinished run that are marked as damaged, and why."""
    damaged: dict[int, str] = {}
    for shard in shards:
        damaged |= damaged_rows(
            read_table(shard_path(root, FRAME_SHARDS, shard), frame_schema())
        )
    return damaged


def damaged_rows(frames: Any) -> dict[int, str]:
    """The damaged frames of a table of frames, and why they could not be read."""
    # Row by row: a filter would load Arrow's functions, 13 MiB, at the end of every run.
    reasons = zip(frames["index"].to_pylist(), frames["damage"].to_pylist(), strict=True)
    return {index: reason for index, reason in reasons if reason is not None}


def read_table(path: Path, schema: Any) -> Any:
    """A whole Parquet file.  Raises BadRun if it is missing, damaged or has other columns."""
    with open_parquet(path, schema) as file:
        return file.read()


@contextmanager
def open_parquet(path: Path, schema: Any) -> Iterator[Any]:
    """A Parquet file with exactly these columns; a failure while it is read is a BadRun as
    well.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            if not file.schema_arrow.equals(schema):
                raise BadRun(
                    f"{path} has other columns than a run of this version", hint=RERUN
                )
            yield file
    except FileNotFoundError as error:
        raise BadRun(f"{path} is missing", hint=RERUN) from error
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            raise  # of what is written meanwhile: reading needs no room
        raise BadRun(f"{path} is damaged: {error}", hint=RERUN) from error


def mask_schema() -> Any:
    """Columns of masks/shard-*.parquet: the fields of MaskRow."""
    import pyarrow as pa

    return _schema(
        frame=pa.int64(),
        pts=pa.int64(),
        time_s=pa.float64(),
        object_id=pa.int32(),
        visible=pa.bool_(),
        score=pa.float32(),
        area=pa.int32(),
        x=pa.int32(),
        y=pa.int32(),
        width=pa.int32(),
        height=pa.int32(),
        codec=pa.string(),
        payload=pa.binary(),
        source=pa.string(),
    )


def frame_schema() -> Any:
    """Columns of frames.parquet: the fields of FrameRecord but the masks, which have a
    checksum.
    """
    import pyarrow as pa

    return _schema(
        index=pa.int64(),
        pts=pa.int64(),
        time_s=pa.float64(),
        prompted=pa.bool_(),
        damage=pa.string(),
        checksum=pa.int64(),
    )


def _schema(**types: Any) -> Any:
    import pyarrow as pa

    # Only a time stamp may be unknown, and only a damaged frame has a reason.
    optional = ("pts", "damage")
    return pa.schema([pa.field(name, kind, name in optional) for name, kind in types.items()])


def _write_table(path: Path, schema: Any, records: Sequence[FrameRecord | MaskRow]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = [
        pa.array([getattr(record, field.name) for record in records], type=field.type)
        for field in schema
    ]
    # Payloads are compressed already; so many short columns are not worth dictionaries.
    compression = {
        field.name: "NONE" if field.name == "payload" else "ZSTD" for field in schema
    }
    with atomic_path(path) as part:
        pq.write_table(
            pa.Table.from_arrays(columns, schema=schema),
            part,
            compression=compression,
            use_dictionary=["codec", "source"] if "codec" in schema.names else False,
        )
