"""What lanes show of every frame, on the disk: one byte of rows and one of risk for each
object and frame.

Enters: a revision of a run.  Leaves: RUN/annotation/lanes-N.npy, read by ranges.  Which frames
have a row comes at once, from the columns of the shards; risk is added frame by frame, since
every mask is unpacked for it.  Memory holds what is read of the file at a time.
"""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from vseg.analysis.review_queue import LEAST_RISK, RiskySpan, SpanFinder
from vseg.analysis.risk import risks
from vseg.results.lives import row_columns
from vseg.results.run import Run

TRACKED = 1
VISIBLE = 2
UNKNOWN_RISK = 255
MOST_SPANS = 50
"""Risky spans of one revision that are kept for the review: an hour's work."""
_BATCH = 512
"""Frames between two notes that lanes have changed."""


class LaneStore:
    """The bytes of one revision: `rows` and `risk` by object and frame.  known: frames whose
    risk is known, from the first on.
    """

    def __init__(self, folder: Path, run: Run) -> None:
        """Raises BadRun, and OSError where the folder cannot be written."""
        self.revision = run.revision
        self.object_ids = run.object_ids
        extent = run.extent or (0, -1)
        self.first = extent[0]
        self.end = extent[1] + 1
        self.known = 0
        self._run = run
        folder.mkdir(exist_ok=True)
        for stale in folder.glob("lanes-*.npy"):
            stale.unlink(missing_ok=True)
        shape = (2, max(1, len(self.object_ids)), max(1, self.end - self.first))
        self._bytes: UInt8[np.ndarray, "2 O T"] = np.lib.format.open_memmap(
            folder / f"lanes-{run.revision}.npy", "w+", np.uint8, shape
        )
        self._bytes[1] = UNKNOWN_RISK
        self._fill_rows()

    def rows(self, obj: int, first: int, end: int) -> UInt8[np.ndarray, " T"]:
        """TRACKED and VISIBLE of an object on frames [first, end)."""
        return self._bytes[0, self._place(obj), first - self.first : end - self.first]

    def risk(self, obj: int, first: int, end: int) -> UInt8[np.ndarray, " T"]:
        """Risk of an object on frames [first, end), in percent; UNKNOWN_RISK if not known."""
        return self._bytes[1, self._place(obj), first - self.first : end - self.first]

    def add_risk(
        self, stop: threading.Event, added: Callable[[int, int], None]
    ) -> tuple[RiskySpan, ...] | None:
        """Compute the risk of every frame; the riskiest spans, None if it was stopped.

        added(first, end): called after each batch.  Raises BadRun.
        """
        begin = self.first
        finder = SpanFinder(self._run, LEAST_RISK, MOST_SPANS)
        for frame in risks(self._run):
            if stop.is_set():
                return None
            finder.add(frame)
            index = frame.frame_index
            for mask in frame.objects:
                risk = round(100 * mask.risk)
                self._bytes[1, self._place(mask.object_id), index - self.first] = risk
            self.known = index + 1 - self.first
            if index - begin >= _BATCH:
                added(begin, index + 1)
                begin = index + 1
        self.known = self.end - self.first
        added(begin, self.end)
        return finder.queue().spans

    def _place(self, obj: int) -> int:
        return self.object_ids.index(obj)

    def _fill_rows(self) -> None:
        """Note the frames on which each object has a row."""
        for shard in self._run.shards:
            frames, objects, visible = row_columns(self._run.content, shard)
            for place, obj in enumerate(self.object_ids):
                own = objects == obj
                found = frames[own] - self.first
                self._bytes[0, place, found] = TRACKED + VISIBLE * visible[own]
