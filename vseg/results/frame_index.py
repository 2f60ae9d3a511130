"""Which frames a run holds, in either of its two forms.

A finished run has one frames.parquet with a row group for each window; an unfinished one has a
small file for each window, so that a commit costs the same however long the run is.
"""

from pathlib import Path
from typing import Any

from vseg.errors import BadRun
from vseg.results.layout import FRAME_PARTS, FRAMES, part_path, windows_in
from vseg.results.parts import frame_schema, open_parquet
from vseg.results.records import RunHeader


class FrameIndex:
    """The windows of a run, ascending, and the frame table of each.  Raises BadRun on
    damage.
    """

    def __init__(self, root: Path, header: RunHeader) -> None:
        self._root = root
        # window -> row group of frames.parquet; or -> 0, the only row group of its own file
        self._groups: dict[int, int] = {}
        self._joined = header.finished
        if header.finished:
            self._groups = self._row_groups(header)
        elif header.progress is not None:
            self._groups = dict.fromkeys(windows_in(root, FRAME_PARTS), 0)

    @property
    def windows(self) -> list[int]:
        return list(self._groups)

    def __contains__(self, window: int) -> bool:
        return window in self._groups

    def __len__(self) -> int:
        """The number of frames, from the files' footers."""
        if self._joined:
            return self._rows(self._root / FRAMES)
        return sum(self._rows(self._path(window)) for window in self._groups)

    def table(self, window: int) -> Any:
        """The frame table of one window."""
        with open_parquet(self._path(window), frame_schema()) as file:
            return file.read_row_group(self._groups[window])

    def _path(self, window: int) -> Path:
        return (
            self._root / FRAMES if self._joined else part_path(self._root, FRAME_PARTS, window)
        )

    def _rows(self, path: Path) -> int:
        with open_parquet(path, frame_schema()) as file:
            return int(file.metadata.num_rows)

    def _row_groups(self, header: RunHeader) -> dict[int, int]:
        groups = {}
        with open_parquet(self._root / FRAMES, frame_schema()) as file:
            for group in range(file.metadata.num_row_groups):
                statistics = file.metadata.row_group(group).column(0).statistics
                if statistics is None:
                    raise BadRun(f"{self._root / FRAMES} does not say which frames it holds")
                groups[header.window_of(statistics.min)] = group
        return groups
