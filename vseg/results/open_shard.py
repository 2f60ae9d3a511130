"""The one shard of an unfinished run that is in memory.

Enters: packed frames, in any order.  Leaves: the files of their shards, and what of all frames
was committed or waits to be: the extent and the count that `Progress` names.  A frame of
another shard has the one in memory written and its own read back, so that memory holds one
shard and never more.
"""

from pathlib import Path

from vseg.results.layout import FRAME_SHARDS, shard_path
from vseg.results.mask_rows import FrameRecord
from vseg.results.records import RunHeader
from vseg.results.shards import read_frames_shard, write_shard


class OpenShard:
    """Takes frames of the run at `path`, after what its header says was committed.

    extent: the least and the greatest frame there is, None before the first.  frames: how many
    there are.
    """

    def __init__(self, path: Path, header: RunHeader) -> None:
        progress = header.progress
        self.extent = progress.extent if progress else None
        self.frames = progress.frames if progress else 0
        self._path = path
        self._header = header
        self._shard: int | None = None
        self._records: dict[int, FrameRecord] = {}
        self._unwritten = False

    def put(self, record: FrameRecord) -> None:
        """Take a frame; the same frame again replaces the earlier one."""
        self._enter(record.index)
        self.frames += record.index not in self._records
        self._records[record.index] = record
        low, high = self.extent or (record.index, record.index)
        self.extent = min(low, record.index), max(high, record.index)
        self._unwritten = True

    def record(self, frame_index: int) -> FrameRecord | None:
        """A frame that was put before, or committed; None of any other."""
        self._enter(frame_index)
        return self._records.get(frame_index)

    def flush(self) -> None:
        """Write the shard in memory; nothing of it counts before a commit.  Raises
        OutputError.
        """
        if self._shard is not None and self._unwritten:
            write_shard(self._path, self._shard, list(self._records.values()))
            self._unwritten = False

    def _enter(self, frame_index: int) -> None:
        """Make the shard of this frame the one in memory, with the frames of it that were
        committed.
        """
        shard = self._header.shard_of(frame_index)
        if shard == self._shard:
            return
        self.flush()
        self._shard = shard
        self._records = {}
        if self.extent and shard_path(self._path, FRAME_SHARDS, shard).exists():
            # What a killed process wrote after its last commit lies outside of the extent.
            low, high = self.extent
            stored = read_frames_shard(self._path, shard)
            self._records = {r.index: r for r in stored.records() if low <= r.index <= high}
