"""Does a tracker say "gone" when an object is gone?  Scores of one object's frames, and of
many together.

Enters: for each frame after the prompt, how many pixels of the object are truly visible and
whether the tracker called it visible.  Leaves: counts, and precision, recall, false alarms and
delay of "gone".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from statistics import median

import numpy as np
from jaxtyping import Bool, Int

VISIBLE_SHARE = 0.1
"""An object is visible above this share of its prompted area, gone at zero pixels, undecided
between.
"""


@dataclass(frozen=True, slots=True)
class PresenceCounts:
    """Frames by truth (gone, visible) and by what was said; frames in between are in neither.

    delays: for each absence that was noticed, the frames from its first until "gone" was first
    said (0: at once).  missed: absences that ended, or the clip with them, without it.
    """

    gone_said: int = 0
    gone_unsaid: int = 0
    visible_said_gone: int = 0
    visible: int = 0
    delays: tuple[int, ...] = ()
    missed: int = 0

    @property
    def absences(self) -> int:
        """How many times an object was away, for a frame or more."""
        return len(self.delays) + self.missed

    @property
    def precision(self) -> float | None:
        """The share of "gone" that is true; None if it was never said."""
        return _share(self.gone_said, self.gone_said + self.visible_said_gone)

    @property
    def recall(self) -> float | None:
        """The share of gone frames on which "gone" was said; None if no object was ever
        gone.
        """
        return _share(self.gone_said, self.gone_said + self.gone_unsaid)

    @property
    def false_alarms(self) -> float | None:
        """The share of visible frames on which "gone" was said; None if there are none."""
        return _share(self.visible_said_gone, self.visible)

    @property
    def delay(self) -> float | None:
        """The median of `delays`; None if no absence was noticed."""
        return float(median(self.delays)) if self.delays else None

    @staticmethod
    def total(several: Iterable["PresenceCounts"]) -> "PresenceCounts":
        """All counts added up."""
        parts = tuple(several)
        return PresenceCounts(
            sum(one.gone_said for one in parts),
            sum(one.gone_unsaid for one in parts),
            sum(one.visible_said_gone for one in parts),
            sum(one.visible for one in parts),
            tuple(delay for one in parts for delay in one.delays),
            sum(one.missed for one in parts),
        )


def count_presence(
    areas: Int[np.ndarray, " T"], said_visible: Bool[np.ndarray, " T"], prompted_area: int
) -> PresenceCounts:
    """The counts of one object.  areas: truly visible pixels, frame by frame after the
    prompt.
    """
    gone = areas == 0
    visible = areas >= VISIBLE_SHARE * prompted_area
    delays = []
    missed = 0
    for away, frames in groupby(range(len(areas)), key=lambda t: bool(gone[t])):
        if not away:
            continue
        said = [not said_visible[t] for t in frames]
        if any(said):
            delays.append(said.index(True))
        else:
            missed += 1
    return PresenceCounts(
        int(np.count_nonzero(gone & ~said_visible)),
        int(np.count_nonzero(gone & said_visible)),
        int(np.count_nonzero(visible & ~said_visible)),
        int(np.count_nonzero(visible)),
        tuple(delays),
        missed,
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
