"""An object over the time of a clip, at the resolution of a screen.

Enters: what every frame says of the object, ascending.  Leaves: a Lane of at most MAX_CELLS
cells, however long the clip is; a cell stands for as many frames as share it.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float64, Int64

from vseg.analysis.risk import MaskRisk
from vseg.results.spans import SpanState

MAX_CELLS = 480
"""About two pixels of a page each."""


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Frames [first, end), at least one, in cells of equal length."""

    first: int
    end: int

    @property
    def cells(self) -> int:
        return min(MAX_CELLS, self.end - self.first)

    def cell(self, frame: int) -> int:
        """The cell of a frame."""
        return (frame - self.first) * self.cells // (self.end - self.first)

    def frames_of(self, cell: int) -> tuple[int, int]:
        """The frames [first, end) of a cell."""
        count = self.end - self.first
        begin = -(-cell * count // self.cells)
        return self.first + begin, self.first + -(-(cell + 1) * count // self.cells)

    def share(self, frame: float | int) -> float:
        """How far along the axis a frame begins, in [0, 1]."""
        return (frame - self.first) / (self.end - self.first)


@dataclass(frozen=True)
class Lane:
    """One object.  Of every cell: tracked, visible, accepted and absent (as the user said)
    count frames; risk is the highest; area the sum over visible frames, in pixels; least_area
    and most_area the extremes.
    """

    tracked: Int64[np.ndarray, " X"]
    visible: Int64[np.ndarray, " X"]
    accepted: Int64[np.ndarray, " X"]
    absent: Int64[np.ndarray, " X"]
    risk: Float64[np.ndarray, " X"]
    area: Float64[np.ndarray, " X"]
    least_area: Float64[np.ndarray, " X"]
    most_area: Float64[np.ndarray, " X"]
    anchors: Int64[np.ndarray, " X"]

    @staticmethod
    def empty(cells: int) -> "Lane":
        """A lane on which nothing was tracked."""
        none = np.zeros(cells, dtype=np.int64)
        return Lane(
            tracked=none.copy(),
            visible=none.copy(),
            accepted=none.copy(),
            absent=none.copy(),
            risk=np.zeros(cells),
            area=np.zeros(cells),
            least_area=np.full(cells, np.inf),
            most_area=np.zeros(cells),
            anchors=none,
        )

    def add(self, cell: int, mask: MaskRisk) -> None:
        """Take one frame of the object."""
        self.tracked[cell] += 1
        self.accepted[cell] += mask.state is SpanState.ACCEPTED
        self.absent[cell] += mask.state is SpanState.ABSENT
        self.anchors[cell] += mask.anchored
        self.risk[cell] = max(self.risk[cell], mask.risk)
        if mask.visible and mask.area:
            self.visible[cell] += 1
            self.area[cell] += mask.area
            self.least_area[cell] = min(self.least_area[cell], mask.area)
            self.most_area[cell] = max(self.most_area[cell], mask.area)


def runs_of(levels: Int64[np.ndarray, " X"]) -> list[tuple[int, int, int]]:
    """Neighbouring cells of one level as (first, end, level)."""
    if len(levels) == 0:
        return []
    breaks = [0, *(np.flatnonzero(np.diff(levels)) + 1).tolist(), len(levels)]
    return [(a, b, int(levels[a])) for a, b in pairwise(breaks)]
