"""Birth, confirmation, absence and end of tracks.

Enters: which tracks were matched to which detections, frame after frame.  Leaves: states, ids,
Tracks.  TENTATIVE becomes CONFIRMED after enough detections (at once when the first one is strong
enough) and ends at its first miss; CONFIRMED becomes OCCLUDED when missed, LOST after
`occluded_s`, REMOVED after `lost_s`, CONFIRMED again when found.  Waiting is in seconds, so a
change of frame rate changes nothing.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from vseg_trackers.kalman import BoxMotion, MotionConfig
from vseg_trackers.types import Detections, Track, TrackerError, TrackState

Rows = Int[np.ndarray, " K"]
_STATES = tuple(TrackState)
# Looked up once: reaching an enum's member costs more than the arithmetic around it.
TENTATIVE, CONFIRMED, OCCLUDED, LOST, _ = (int(state) for state in _STATES)


@dataclass(frozen=True, slots=True)
class LifecycleConfig:
    """confirm_hits detections confirm a track; one of score >= confirm_score does so at once.

    A detector that is sure of what it sees is answered at once, a doubtful one after some frames; a
    missed track is OCCLUDED for `occluded_s`, then LOST, and given up after `lost_s`.
    """

    confirm_hits: int = 6
    confirm_score: float = 0.98
    occluded_s: float = 0.5
    lost_s: float = 2.0


class Population:
    """The live tracks of one tracker, one row each, oldest first: motion and history."""

    def __init__(self, motion: MotionConfig, life: LifecycleConfig) -> None:
        self.motion = BoxMotion(motion)
        self.time_s = -np.inf
        self.state: Int[np.ndarray, " T"] = np.zeros(0, dtype=np.int64)
        self.labels: Int[np.ndarray, " T"] = np.zeros(0, dtype=np.int64)
        self.last_s: Float[np.ndarray, " T"] = np.zeros(0)
        self._life = life
        self._next_id = 1
        self._ids: Int[np.ndarray, " T"] = np.zeros(0, dtype=np.int64)
        self._hits: Int[np.ndarray, " T"] = np.zeros(0, dtype=np.int64)
        self._first_s: Float[np.ndarray, " T"] = np.zeros(0)
        self._scores: Float[np.ndarray, " T"] = np.zeros(0)
        # The detection each track was given in the latest frame, -1 for none.
        self._given: Int[np.ndarray, " T"] = np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.state)

    def advance(self, time_s: float) -> None:
        """Move every track to `time_s`.  Raises TrackerError if time stands still or goes back."""
        dt_s = time_s - self.time_s
        if dt_s <= 0:
            raise TrackerError(
                f"time_s {time_s:g} does not come after {self.time_s:g}: "
                "give frames in order, each once"
            )
        self.time_s = time_s
        if len(self):
            self.motion.predict(dt_s)
        self._given = np.full(len(self), -1)

    def unmatched(self, rows: Rows) -> Int[np.ndarray, " M"]:
        """Those of `rows` without a detection in this frame."""
        return np.asarray(rows[self._given[rows] < 0])

    def match(self, rows: Rows, detections: Detections, columns: Rows) -> None:
        """Give each track of `rows` its detection."""
        if not len(rows):
            return
        self.motion.correct(rows, detections.boxes[columns])
        state = self.state[rows]
        self.state[rows] = np.where(state == TENTATIVE, TENTATIVE, CONFIRMED)
        self._given[rows] = columns
        self._hits[rows] += 1
        self._scores[rows] = detections.scores[columns]
        self.last_s[rows] = self.time_s

    def begin(self, detections: Detections, columns: Rows) -> None:
        """Start a track from each of these detections, with the next ids in their order."""
        num = len(columns)
        if not num:
            return
        self.motion.add(detections.boxes[columns])
        now = np.full(num, self.time_s)
        ids = np.arange(self._next_id, self._next_id + num)
        self._next_id += num
        self.state = np.append(self.state, np.full(num, TENTATIVE))
        self.labels = np.append(self.labels, labels_of(detections)[columns])
        self.last_s = np.append(self.last_s, now)
        self._ids = np.append(self._ids, ids)
        self._hits = np.append(self._hits, np.ones(num, dtype=np.int64))
        self._first_s = np.append(self._first_s, now)
        self._scores = np.append(self._scores, detections.scores[columns])
        self._given = np.append(self._given, columns)

    def age(self) -> Bool[np.ndarray, " T"]:
        """Set every state by what this frame gave; which rows stay (the others are removed)."""
        life, seen = self._life, self._given >= 0
        sure = seen & ((self._hits >= life.confirm_hits) | (self._scores >= life.confirm_score))
        self.state[sure] = CONFIRMED
        if seen.all():
            return np.asarray(seen)
        absent_s = self.time_s - self.last_s
        hidden = ~seen & (self.state != TENTATIVE)
        self.state[hidden] = np.where(absent_s[hidden] > life.occluded_s, LOST, OCCLUDED)
        stays = seen | (hidden & (absent_s <= life.lost_s))
        if not stays.all():
            self._keep(stays)
        return np.asarray(stays)

    def _keep(self, which: Bool[np.ndarray, " T"]) -> None:
        self.motion.keep(which)
        self.state, self.labels = self.state[which], self.labels[which]
        self.last_s, self._first_s = self.last_s[which], self._first_s[which]
        self._ids, self._hits = self._ids[which], self._hits[which]
        self._scores, self._given = self._scores[which], self._given[which]

    def explained(self) -> tuple[Track, ...]:
        """The tracks that were given a detection in this frame, in the order of the detections."""
        rows = (self._given >= 0).nonzero()[0]
        return self._tracks(rows[self._given[rows].argsort()])

    def everyone(self) -> tuple[Track, ...]:
        """All live tracks, oldest first."""
        return self._tracks(np.arange(len(self)))

    def _tracks(self, rows: Rows) -> tuple[Track, ...]:
        columns = (
            self._ids[rows].tolist(),
            self.state[rows].tolist(),
            self.motion.boxes[rows].tolist(),
            self._scores[rows].tolist(),
            self.labels[rows].tolist(),
            self._given[rows].tolist(),
            self._first_s[rows].tolist(),
            self.last_s[rows].tolist(),
        )
        return tuple(
            Track(
                track_id,
                _STATES[state],
                tuple(box),
                score,
                label,
                row if row >= 0 else None,
                first_s,
                last_s,
            )
            for track_id, state, box, score, label, row, first_s, last_s in zip(
                *columns, strict=True
            )
        )


def without(
    columns: Int[np.ndarray, " N"], taken: Int[np.ndarray, " K"], num_detections: int
) -> Int[np.ndarray, " M"]:
    """Those of `columns` that are not `taken`, in their order."""
    free = np.ones(num_detections, dtype=bool)
    free[taken] = False
    return np.asarray(columns[free[columns]])


def labels_of(detections: Detections) -> Int[np.ndarray, " N"]:
    """The class of each detection, 0 where none was given."""
    if detections.labels is None:
        return np.zeros(len(detections), dtype=np.int64)
    return detections.labels
