"""The detections of each track: its last boxes, and its filter as it was then.

Enters: matched boxes.  Leaves: the last box, the direction of motion, the filter to go back
to.  Source: Cao et al., "Observation-Centric SORT", CVPR 2023.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from vseg_trackers.kalman import BoxMotion
from vseg_trackers.state import State

_KEPT = 16  # observations kept for the direction; bounds the memory of a track


class Observations:
    """One column per track, in the order of the tracker's rows."""

    def __init__(self) -> None:
        self.planes = np.zeros((5, 0, 4))
        self._boxes = np.zeros((_KEPT, 0, 4))
        self._times_s = np.zeros((_KEPT, 0))
        self._num = np.zeros(0, dtype=np.int64)

    def state_arrays(self) -> State:
        """All observations, for a snapshot."""
        return {
            "observed_motion": self.planes,
            "observed_boxes": self._boxes,
            "observed_times": self._times_s,
            "observed_num": self._num,
        }

    def load(self, state: State) -> None:
        """Put a snapshot's observations in place of these."""
        self.planes = state["observed_motion"]
        self._boxes = state["observed_boxes"]
        self._times_s = state["observed_times"]
        self._num = state["observed_num"]

    @property
    def boxes(self) -> Float[np.ndarray, "T 4"]:
        """The last observed box of each track."""
        return np.asarray(self._boxes[self._newest(), np.arange(len(self._num))])

    @property
    def time_s(self) -> Float[np.ndarray, " T"]:
        """When each track was last observed."""
        return np.asarray(self._times_s[self._newest(), np.arange(len(self._num))])

    def add(self, boxes: Float[np.ndarray, "N 4"], time_s: float, motion: BoxMotion) -> None:
        """Begin the record of the tracks that `motion` has and this does not, detected
        at `boxes`.
        """
        num = len(boxes)
        if not num:
            return
        self._boxes = np.concatenate([self._boxes, np.tile(boxes, (_KEPT, 1, 1))], axis=1)
        self._times_s = np.concatenate([self._times_s, np.full((_KEPT, num), time_s)], axis=1)
        self._num = np.append(self._num, np.ones(num, dtype=np.int64))
        self.planes = np.concatenate([self.planes, motion.planes[:, -num:]], axis=1)

    def observe(
        self,
        rows: Int[np.ndarray, " K"],
        boxes: Float[np.ndarray, "K 4"],
        time_s: float,
        motion: BoxMotion,
    ) -> None:
        """Record that tracks `rows` were detected at `boxes`, their filters just corrected."""
        slots = self._num[rows] % _KEPT
        self._boxes[slots, rows] = boxes
        self._times_s[slots, rows] = time_s
        self._num[rows] += 1
        self.planes[:, rows] = motion.planes.take(rows, axis=1)

    def keep(self, which: Bool[np.ndarray, " T"]) -> None:
        """Forget the tracks that are not marked."""
        self.planes = self.planes.compress(which, axis=1)
        self._boxes = self._boxes.compress(which, axis=1)
        self._times_s = self._times_s.compress(which, axis=1)
        self._num = self._num[which]

    def agreement(
        self, rows: Int[np.ndarray, " K"], boxes: Float[np.ndarray, "K 4"], direction_s: float
    ) -> Float[np.ndarray, " K"]:
        """How well going to `boxes` continues each track's direction: 0.5 straight on, -0.5
        back.

        The direction is that from an observation at least `direction_s` before the last one
        (or the oldest kept) to the last; a track detected once, or standing still, has none
        and gets 0.
        """
        last = self.boxes[rows]
        age_s = self.time_s[rows] - self._times_s[:, rows]
        # The youngest observation that is old enough, else the oldest there is.
        choice = np.where(age_s >= direction_s, age_s, 1e9 - age_s)
        before = self._boxes[np.argmin(choice, axis=0), rows]
        went = _centre(last) - _centre(before)
        goes = _centre(boxes) - _centre(last)
        lengths = np.hypot(*went.T) * np.hypot(*goes.T)
        cosine = np.divide(
            (went * goes).sum(axis=1), lengths, where=lengths > 0, out=np.zeros(len(rows))
        )
        return np.asarray(0.5 - np.arccos(np.clip(cosine, -1, 1)) / np.pi)

    def _newest(self) -> Int[np.ndarray, " T"]:
        return (self._num - 1) % _KEPT


def _centre(boxes: Float[np.ndarray, "N 4"]) -> Float[np.ndarray, "N 2"]:
    return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2)
