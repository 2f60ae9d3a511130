"""Birth, confirmation, absence and end of tracks.

Enters: which tracks were matched to which detections, frame after frame.  Leaves: states, ids,
Tracks.  TENTATIVE becomes CONFIRMED after enough detections (at once when the first one is
strong enough) and ends at its first miss; CONFIRMED becomes OCCLUDED when missed, LOST after
`occluded_s`, and ends after `lost_s` and `lost_misses` misses in a row; matched, it is
CONFIRMED again.  Waiting is in seconds, so a change of frame rate changes nothing; a frame on
which the detector did not run is not passed to a tracker, and is no miss.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from vseg_trackers.common_motion import CommonMotion
from vseg_trackers.errors import TrackerError
from vseg_trackers.kalman import BoxMotion, MotionConfig, moved_boxes
from vseg_trackers.reporting import between
from vseg_trackers.state import State
from vseg_trackers.types import Detections, Track, TrackState

Rows = Int[np.ndarray, " K"]
_STATES = tuple(TrackState)
# Read once: reaching an enum's member costs more than the arithmetic around it.
TENTATIVE, CONFIRMED, OCCLUDED, LOST = (int(state) for state in _STATES)


CLASSES_COUNTED = 4
"""Classes of which a track counts the detections; bounds the memory of a track.  A detector
that wavers does so between two or three.
"""

SHARING_HITS = 3
"""Detections of a track before its velocity tells of the image's: two places make a velocity,
a third one confirms it.  2 to 5 make no difference on the shared sequences.
"""


@dataclass(frozen=True, slots=True)
class LifecycleConfig:
    """confirm_hits detections confirm a track; one of score >= confirm_score does so at once.

    A sure detection confirms at once, doubtful ones after some frames; a missed track is
    OCCLUDED for `occluded_s`, then LOST, and removed once it was absent for more than `lost_s`
    and missed `lost_misses` times in a row: where frames are seconds apart, one miss would
    otherwise be the end of it.  3 is a round value: one miss happens, three in a row say
    something.
    """

    confirm_hits: int = 6
    confirm_score: float = 0.98
    occluded_s: float = 0.5
    lost_s: float = 2.0
    lost_misses: int = 3


class Population:
    """The live tracks of one tracker, one row each, oldest first: motion and history."""

    def __init__(self, motion: MotionConfig, life: LifecycleConfig) -> None:
        self.motion = BoxMotion(motion)
        self.time_s = -np.inf
        self._life = life
        self._next_id = 1
        # One row for each field, so that tracks are added and dropped in few calls.
        self._counts: Int[np.ndarray, "6 T"] = np.zeros((6, 0), dtype=np.int64)
        self._times: Float[np.ndarray, "3 T"] = np.zeros((3, 0))
        # Classes of each track's detections, and how many of each; its own class first.
        self._classes: Int[np.ndarray, "2 V T"] = np.zeros(
            (2, CLASSES_COUNTED, 0), dtype=np.int64
        )
        self.found: Float[np.ndarray, "T 4"] = np.zeros((0, 4))  # each one's last detection
        self._name_rows()

    def _name_rows(self) -> None:
        self.ids, self.state, self.labels, self._hits, self.detection, self._misses = (
            self._counts
        )
        self.last_s, self._first_s, self._scores = self._times

    def __len__(self) -> int:
        return len(self.state)

    def state_arrays(self) -> State:
        """All that is known of the live tracks, for a snapshot."""
        return {
            "counts": self._counts,
            "times": self._times,
            "classes": self._classes,
            "motion": self.motion.planes,
            "found": self.found,
            "time_s": np.array([self.time_s]),
            "next_id": np.array([self._next_id], dtype=np.int64),
        }

    def load(self, state: State) -> None:
        """Put a snapshot's tracks in place of these."""
        self._counts = state["counts"]
        self._times = state["times"]
        self._classes = state["classes"]
        self.motion.planes = state["motion"]
        self.found = state["found"]
        self.time_s = float(state["time_s"][0])
        self._next_id = int(state["next_id"][0])
        self._name_rows()

    def advance(self, detections: Detections) -> None:
        """Move every track to the detections' time, and with their image.

        Raises TrackerError if time stands still or goes back.
        """
        dt_s = detections.time_s - self.time_s
        if dt_s <= 0:
            raise TrackerError(
                f"time_s {detections.time_s:g} does not come after {self.time_s:g}: "
                "give frames in order, each once"
            )
        self.time_s = detections.time_s
        if len(self):
            self.motion.predict(dt_s)
            if detections.camera is not None:
                self.motion.follow(detections.camera)
                self.found = moved_boxes(self.found, detections.camera)
        self.detection.fill(-1)

    def unmatched(self, rows: Rows) -> Int[np.ndarray, " M"]:
        """Those of `rows` without a detection in this frame."""
        return np.asarray(rows[self.detection[rows] < 0])

    def match(self, rows: Rows, detections: Detections, columns: Rows) -> None:
        """Give each track of `rows` its detection."""
        if not len(rows):
            return
        boxes = detections.boxes.take(columns, axis=0)
        self.motion.correct(rows, boxes)
        self.found[rows] = boxes
        # TENTATIVE stays, everything above becomes CONFIRMED.
        self.state[rows] = np.minimum(self.state.take(rows), CONFIRMED)
        self.detection[rows] = columns
        self._hits[rows] += 1
        self._scores[rows] = detections.scores.take(columns)
        self.last_s[rows] = self.time_s
        labels = labels_of(detections).take(columns)
        own = labels == self.labels.take(rows)
        self._classes[1, 0, rows[own]] += 1
        for row, label in zip(rows[~own].tolist(), labels[~own].tolist(), strict=True):
            self._count_class(row, label)

    def _count_class(self, row: int, label: int) -> None:
        """Count a detection of another class; the class with the most is the track's.  Of more
        classes than are counted, the rarest is forgotten.
        """
        labels, counts = self._classes[:, :, row]
        same = (labels == label) & (counts > 0)
        if same.any():
            place = int(np.argmax(same))
            counts[place] += 1
        else:
            place = 1 + int(np.argmin(counts[1:]))
            labels[place] = label
            counts[place] = 1
        if counts[place] > counts[0]:
            self._classes[:, [0, place], row] = self._classes[:, [place, 0], row]
            self.labels[row] = label

    def begin(
        self, detections: Detections, columns: Rows, shared: CommonMotion | None = None
    ) -> None:
        """Start a track from each of these detections, with the next ids in their order, at
        rest or with the motion that all share.
        """
        num = len(columns)
        if not num:
            return
        boxes = detections.boxes[columns]
        self.motion.add(boxes, shared)
        self.found = np.concatenate([self.found, boxes])
        counts = np.empty((6, num), dtype=np.int64)
        counts[0] = np.arange(self._next_id, self._next_id + num)
        counts[1] = TENTATIVE
        counts[2] = labels_of(detections)[columns]
        counts[3] = 1
        counts[4] = columns
        counts[5] = 0
        times = np.empty((3, num))
        times[:2] = self.time_s
        times[2] = detections.scores[columns]
        self._next_id += num
        classes = np.zeros((2, CLASSES_COUNTED, num), dtype=np.int64)
        classes[0, 0] = counts[2]
        classes[1, 0] = 1
        self._classes = np.concatenate([self._classes, classes], axis=2)
        self._counts = np.concatenate([self._counts, counts], axis=1)
        self._times = np.concatenate([self._times, times], axis=1)
        self._name_rows()

    def age(self) -> Bool[np.ndarray, " T"]:
        """Set all states by the matches of this frame; which rows stay (the others are
        removed).
        """
        life = self._life
        matched = self.detection >= 0
        new = self.state == TENTATIVE
        any_new = np.count_nonzero(new)
        if any_new:
            sure = (self._hits >= life.confirm_hits) | (self._scores >= life.confirm_score)
            self.state[new & matched & sure] = CONFIRMED
        if np.count_nonzero(matched) == len(matched):
            self._misses.fill(0)
            return np.asarray(matched)
        missed = ~matched
        self._misses[missed] += 1
        self._misses[matched] = 0
        absent_s = self.time_s - self.last_s
        # A matched track is absent for 0 s, and CONFIRMED or TENTATIVE.
        stays = (absent_s <= life.lost_s) | (self._misses < life.lost_misses)
        if any_new:
            stays &= matched | ~new
        self.state[missed] = np.where(absent_s[missed] > life.occluded_s, LOST, OCCLUDED)
        self.keep(stays)
        return np.asarray(stays)

    def keep(self, which: Bool[np.ndarray, " T"]) -> None:
        """Remove the tracks that are not marked."""
        if np.count_nonzero(which) < len(which):
            self.motion.keep(which)
            self.found = self.found.compress(which, axis=0)
            self._counts = self._counts.compress(which, axis=1)
            self._times = self._times.compress(which, axis=1)
            self._classes = self._classes.compress(which, axis=2)
            self._name_rows()

    def shared_motion(self) -> CommonMotion | None:
        """How the image moves, by what this frame's tracks have in common; None where there
        is no track that is old enough to tell.
        """
        rows = ((self.detection >= 0) & (self._hits >= SHARING_HITS)).nonzero()[0]
        return self.motion.shared(rows) if len(rows) else None

    def explained(self, tentative: bool) -> tuple[Track, ...]:
        """The tracks with a detection in this frame, in the order of the detections; those
        that are not confirmed only with `tentative`.
        """
        which = self.detection >= 0
        if not tentative:
            which &= self.state != TENTATIVE
        rows = which.nonzero()[0]
        rows = rows.take(self.detection.take(rows).argsort())
        estimate = self.motion.boxes.take(rows, axis=0)
        return self._tracks(rows, between(estimate, self.found.take(rows, axis=0)))

    def everyone(self, tentative: bool) -> tuple[Track, ...]:
        """All live tracks, oldest first; those that are not confirmed only with
        `tentative`.
        """
        which = np.full(len(self), True) if tentative else self.state != TENTATIVE
        boxes = self.motion.boxes
        detected = self.detection >= 0
        boxes[detected] = between(boxes[detected], self.found[detected])
        rows = which.nonzero()[0]
        return self._tracks(rows, boxes.take(rows, axis=0))

    def _tracks(self, rows: Rows, boxes: Float[np.ndarray, "K 4"]) -> tuple[Track, ...]:
        detections = self.detection.take(rows).tolist()
        columns = (
            self.ids.take(rows).tolist(),
            [_STATES[state] for state in self.state.take(rows).tolist()],
            map(tuple, boxes.tolist()),
            self._scores.take(rows).tolist(),
            self.labels.take(rows).tolist(),
            [row if row >= 0 else None for row in detections],
            self._first_s.take(rows).tolist(),
            self.last_s.take(rows).tolist(),
        )
        return tuple(map(Track, *columns))


def without(
    columns: Int[np.ndarray, " N"], taken: Int[np.ndarray, " K"], num_detections: int
) -> Int[np.ndarray, " M"]:
    """Those of `columns` that are not `taken`, in their order."""
    free = np.ones(num_detections, dtype=bool)
    free[taken] = False
    return np.asarray(columns[free[columns]])


def labels_of(detections: Detections) -> Int[np.ndarray, " N"]:
    """The class of each detection, 0 where it has none."""
    if detections.labels is None:
        return np.zeros(len(detections), dtype=np.int64)
    return detections.labels
