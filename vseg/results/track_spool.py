"""Rows of one pass over a clip, kept on the disk until it is decided which of them count.

Enters: rows frame by frame in either direction.  Leaves: the same by object and frame.  Memory
holds the rows of one shard to be written and of one that is read.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from vseg.results.layout import MASK_SHARDS, shard_path
from vseg.results.mask_rows import FrameRecord, MaskRow
from vseg.results.records import RunHeader
from vseg.results.shards import mask_schema, read_table, write_masks


class TrackSpool:
    """Rows by (object, frame); `root` is a folder of its own, deleted by `clear`."""

    def __init__(self, root: Path, header: RunHeader) -> None:
        self._root = root
        self._header = header
        self._shard: int | None = None
        self._records: dict[int, FrameRecord] = {}
        self._read: tuple[int, dict[tuple[int, int], MaskRow]] | None = None

    def add(self, record: FrameRecord) -> None:
        """Take the rows of a frame; frames come one after another, each once.  Raises
        OutputError.
        """
        shard = self._header.shard_of(record.index)
        if shard != self._shard:
            self.flush()
            self._shard = shard
        self._records[record.index] = record

    def flush(self) -> None:
        """Put what was taken on the disk.  Raises OutputError."""
        if self._shard is not None and self._records:
            ordered: Sequence[FrameRecord] = [
                self._records[index] for index in sorted(self._records)
            ]
            write_masks(self._root, self._shard, ordered)
        self._records = {}
        self._shard = None
        self._read = None

    def row(self, object_id: int, frame_index: int) -> MaskRow | None:
        """The row of an object on a frame; None if there is none.  Only after `flush`."""
        shard = self._header.shard_of(frame_index)
        if self._read is None or self._read[0] != shard:
            self._read = None  # free the old one before the next is read
            self._read = shard, self._rows(shard)
        return self._read[1].get((object_id, frame_index))

    def clear(self) -> None:
        """Delete all of it."""
        shutil.rmtree(self._root, ignore_errors=True)

    def _rows(self, shard: int) -> dict[tuple[int, int], MaskRow]:
        path = shard_path(self._root, MASK_SHARDS, shard)
        if not path.exists():
            return {}
        rows = (MaskRow(**row) for row in read_table(path, mask_schema()).to_pylist())
        return {(row.object_id, row.frame): row for row in rows}
