"""Tracklets that reach back to before they were sure.

Enters: tracklets, the clip's detections, and which of those nobody claimed.  Leaves: the
tracklets with weak detections added before their first one.  A tracker starts a track only
where it is sure, and an object that comes nearer was detected, faintly, before that.  Going
back in time from a start, in its smoothed motion, weak detections may be taken just as a
tracker takes them after it has begun.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from vseg_trackers.assignment import Assignment, assign
from vseg_trackers.costs import Gate, Labelled, overlapping
from vseg_trackers.ends import Ends
from vseg_trackers.kalman import BoxMotion, MotionConfig
from vseg_trackers.lifecycle import labels_of
from vseg_trackers.tracklets import Tracklet
from vseg_trackers.types import Detections


@dataclass(frozen=True, slots=True)
class ExtendConfig:
    """weak_score: of the weakest detection taken; gate: least overlap; wait_s: longest gap."""

    weak_score: float = 0.3
    gate: float = 0.5
    wait_s: float = 0.25
    motion: MotionConfig = field(default_factory=lambda: MotionConfig(size_jolt=1.0))


def extended(
    tracklets: Sequence[Tracklet],
    frames: Sequence[Detections],
    free: Sequence[Bool[np.ndarray, " _"]],
    config: ExtendConfig | None = None,
) -> tuple[Tracklet, ...]:
    """The tracklets with their detections before; one marked `free` is used once.

    frames: the whole clip's, in order of time.
    """
    config = config or ExtendConfig()
    walk = _Walk(tracklets, config)
    for detections, is_free in zip(reversed(frames), reversed(free), strict=True):
        walk.step_back(detections, is_free & (detections.scores >= config.weak_score))
    return tuple(
        _with_earlier(tracklet, found)
        for tracklet, found in zip(tracklets, walk.found, strict=True)
    )


class _Walk:
    """The starts being followed back: `rows` of the tracklets, their motion and the time of
    their last detection.
    """

    def __init__(self, tracklets: Sequence[Tracklet], config: ExtendConfig) -> None:
        self._config = config
        self._ends = Ends.of(tracklets, config.motion)
        self._motion = BoxMotion(config.motion)
        self._rows: Int[np.ndarray, " A"] = np.zeros(0, dtype=np.int64)
        self._last_s = self._ends.first_s.copy()
        self._time_s = np.inf
        self.found: list[list[tuple[Detections, int]]] = [[] for _ in tracklets]

    def step_back(self, detections: Detections, usable: Bool[np.ndarray, " N"]) -> None:
        """Follow to the frame before, and begin to follow the tracklets that start on it."""
        if len(self._rows):
            self._motion.predict(self._time_s - detections.time_s)
            self._take(detections, usable)
        self._time_s = detections.time_s
        starts = (self._ends.first_s == detections.time_s).nonzero()[0]
        if len(starts):
            planes = self._ends.first[:, starts]
            # Time runs backward here: velocity and its covariance with position change sign.
            planes[[1, 3]] *= -1
            self._motion.planes = np.concatenate([self._motion.planes, planes], axis=1)
            self._rows = np.concatenate([self._rows, starts])

    def _take(self, detections: Detections, usable: Bool[np.ndarray, " N"]) -> None:
        columns = usable.nonzero()[0]
        labels = self._ends.labels[self._rows]
        pairs: Assignment = assign(
            overlapping(
                Labelled(np.arange(len(self._rows)), self._motion.boxes, labels),
                Labelled(columns, detections.boxes[columns], labels_of(detections)[columns]),
                Gate(self._config.gate),
            )
        )
        self._motion.correct(pairs.rows, detections.boxes[pairs.columns])
        rows = self._rows[pairs.rows]
        for row, column in zip(rows.tolist(), pairs.columns.tolist(), strict=True):
            self.found[row].append((detections, column))
        self._last_s[rows] = detections.time_s
        follows = self._last_s[self._rows] - detections.time_s <= self._config.wait_s
        self._motion.keep(follows)
        self._rows = self._rows[follows]


def _with_earlier(tracklet: Tracklet, found: list[tuple[Detections, int]]) -> Tracklet:
    """The tracklet with the detections `found` before it, which are latest first."""
    if not found:
        return tracklet
    earlier = found[::-1]
    boxes: Float[np.ndarray, "E 4"] = np.array([frame.boxes[row] for frame, row in earlier])
    return replace(
        tracklet,
        times_s=np.concatenate([[frame.time_s for frame, _ in earlier], tracklet.times_s]),
        boxes=np.concatenate([boxes, tracklet.boxes]),
        scores=np.concatenate(
            [[frame.scores[row] for frame, row in earlier], tracklet.scores]
        ),
    )
