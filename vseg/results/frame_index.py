"""Which frames a run holds, in either of its two forms.

A finished run has one frames.parquet with a row group for each shard; an unfinished one has a
small file for each shard, so that a commit costs the same however long the run is.
"""

from pathlib import Path
from typing import Any

from vseg.errors import BadRun
from vseg.results.layout import FRAME_SHARDS, FRAMES, shard_path, shards_in
from vseg.results.records import RunHeader
from vseg.results.shards import damaged_rows, frame_schema, open_parquet

_DAMAGE_COLUMN = 4


class FrameIndex:
    """The numbers of a run's shards, ascending, and their tables of frames.

    Raises BadRun on damage.
    """

    def __init__(self, root: Path, header: RunHeader) -> None:
        self._root = root
        # shard -> row group of frames.parquet; or -> 0, the only row group of its own file
        self._groups: dict[int, int] = {}
        self._joined = header.finished
        # Frames of an unfinished run that lie outside of what was committed do not count.
        progress = None if header.finished else header.progress
        self._extent = progress.extent if progress else (0, 0)
        self._ends = {header.shard_of(end) for end in self._extent} if progress else set()
        if header.finished:
            self._groups = self._row_groups(header)
        elif header.progress is not None:
            low, high = header.progress.extent
            committed = range(header.shard_of(low), header.shard_of(high) + 1)
            held = (n for n in shards_in(root, FRAME_SHARDS) if n in committed)
            self._groups = dict.fromkeys(held, 0)

    @property
    def shards(self) -> list[int]:
        return list(self._groups)

    @property
    def extent(self) -> tuple[int, int] | None:
        """The first and the last frame that is not damaged; None if there is none."""
        shards = self.shards
        first = next(filter(len, map(self.table, shards)), None)
        last = next(filter(len, map(self.table, reversed(shards))), None)
        if first is None or last is None:
            return None
        return first["index"][0].as_py(), last["index"][-1].as_py()

    @property
    def last_time_s(self) -> float | None:
        """When the last frame starts that is not damaged; None if there is none."""
        last = next(filter(len, map(self.table, reversed(self.shards))), None)
        return None if last is None else float(last["time_s"][-1].as_py())

    def frame_at(self, time_s: float) -> int | None:
        """The stored frame on display at a time: before the first one that, after the last
        one the last; None where there is no frame.
        """
        extent = self.extent
        if extent is None:
            return None
        for shard in reversed(self.shards):
            table = self.table(shard)
            begun = table.filter(table["time_s"].to_numpy() <= time_s)
            if len(begun):
                return int(begun["index"][-1].as_py())
        return extent[0]

    def __contains__(self, shard: int) -> bool:
        return shard in self._groups

    def __len__(self) -> int:
        """The number of frames that are not damaged, from the files' footers."""
        if self._joined:
            return self._rows(self._root / FRAMES)
        return sum(
            len(self.table(shard)) if shard in self._ends else self._rows(self._path(shard))
            for shard in self._groups
        )

    def table(self, shard: int) -> Any:
        """The frame table of one shard, without damaged frames."""
        rows = self.every_row(shard)
        if shard in self._ends:
            numbers = rows["index"].to_numpy()
            rows = rows.filter((numbers >= self._extent[0]) & (numbers <= self._extent[1]))
        # Whole as nearly all are: a filter would load Arrow's functions, 13 MiB.
        whole = rows["damage"].null_count == len(rows)
        return rows if whole else rows.filter(rows["damage"].is_null())

    def damaged(self) -> dict[int, str]:
        """The frames that could not be read, ascending, and why."""
        damaged: dict[int, str] = {}
        for shard in self._groups:
            damaged |= damaged_rows(self.every_row(shard))
        return damaged

    def every_row(self, shard: int) -> Any:
        """The frame table of one shard."""
        with open_parquet(self._path(shard), frame_schema()) as file:
            return file.read_row_group(self._groups[shard])

    def _path(self, shard: int) -> Path:
        return (
            self._root / FRAMES
            if self._joined
            else shard_path(self._root, FRAME_SHARDS, shard)
        )

    def _rows(self, path: Path) -> int:
        with open_parquet(path, frame_schema()) as file:
            groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
            # A frame without a reason is a whole one.
            reasons = [group.column(_DAMAGE_COLUMN).statistics for group in groups]
            return sum(int(reason.null_count) for reason in reasons)

    def _row_groups(self, header: RunHeader) -> dict[int, int]:
        groups = {}
        with open_parquet(self._root / FRAMES, frame_schema()) as file:
            for group in range(file.metadata.num_row_groups):
                statistics = file.metadata.row_group(group).column(0).statistics
                if statistics is None:
                    raise BadRun(f"{self._root / FRAMES} does not say which frames it holds")
                groups[header.shard_of(statistics.min)] = group
        return groups
