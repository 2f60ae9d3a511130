"""Scores of reported absence: of one object's frames, and of many objects together.

Enters: for every frame after the prompt, how many pixels of the object are truly visible and
whether the tracker reported it visible.  Leaves: counts, and precision, recall, false alarms
and delay of reported absence.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from statistics import median

import numpy as np
from jaxtyping import Bool, Int

VISIBLE_SHARE = 0.1
"""An object is visible above this share of its prompted area, absent at zero pixels, and not
counted in between.  A round value.
"""


@dataclass(frozen=True, slots=True)
class PresenceCounts:
    """Frames by truth (absent, visible) and by report; frames in between are in neither.

    delays: of every reported absence, the frames from its first until the report (0: at once).
    missed: absences that ended, or the clip with them, without a report.
    """

    absent_reported: int = 0
    absent_unreported: int = 0
    visible_reported_absent: int = 0
    visible: int = 0
    delays: tuple[int, ...] = ()
    missed: int = 0

    @property
    def absences(self) -> int:
        """How many times an object was absent, for a frame or more."""
        return len(self.delays) + self.missed

    @property
    def precision(self) -> float | None:
        """The share of reported absence that is true; None if none was reported."""
        return _share(
            self.absent_reported, self.absent_reported + self.visible_reported_absent
        )

    @property
    def recall(self) -> float | None:
        """The share of absent frames that were reported; None if there are none."""
        return _share(self.absent_reported, self.absent_reported + self.absent_unreported)

    @property
    def false_alarms(self) -> float | None:
        """The share of visible frames reported as absent; None if there are none."""
        return _share(self.visible_reported_absent, self.visible)

    @property
    def delay(self) -> float | None:
        """The median of `delays`; None if no absence was reported."""
        return float(median(self.delays)) if self.delays else None

    @staticmethod
    def total(several: Iterable["PresenceCounts"]) -> "PresenceCounts":
        """All counts added up."""
        parts = tuple(several)
        return PresenceCounts(
            sum(one.absent_reported for one in parts),
            sum(one.absent_unreported for one in parts),
            sum(one.visible_reported_absent for one in parts),
            sum(one.visible for one in parts),
            tuple(delay for one in parts for delay in one.delays),
            sum(one.missed for one in parts),
        )


def count_presence(
    areas: Int[np.ndarray, " T"], reported_visible: Bool[np.ndarray, " T"], prompted_area: int
) -> PresenceCounts:
    """The counts of one object.  areas: truly visible pixels, frame by frame after the
    prompt.
    """
    absent = areas == 0
    visible = areas >= VISIBLE_SHARE * prompted_area
    delays = []
    missed = 0
    for is_absent, frames in groupby(range(len(areas)), key=lambda t: bool(absent[t])):
        if not is_absent:
            continue
        reports = [not reported_visible[t] for t in frames]
        if any(reports):
            delays.append(reports.index(True))
        else:
            missed += 1
    return PresenceCounts(
        int(np.count_nonzero(absent & ~reported_visible)),
        int(np.count_nonzero(absent & reported_visible)),
        int(np.count_nonzero(visible & ~reported_visible)),
        int(np.count_nonzero(visible)),
        tuple(delays),
        missed,
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
