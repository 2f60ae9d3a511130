"""OC-SORT: trust observations over a filter that ran blind.

Source: Cao et al., "Observation-Centric SORT", CVPR 2023: momentum (OCM, section 4.2),
recovery (OCR, 4.2) and re-update (ORU, 4.1).  What differs: all spans are seconds, not frames;
the direction of motion is taken between box centres observed at least `direction_s` apart.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from vseg_trackers.assignment import Assignment, Candidates, assign
from vseg_trackers.boxes import Overlap
from vseg_trackers.costs import Gate, Labelled, overlapping
from vseg_trackers.kalman import MotionConfig, Path
from vseg_trackers.lifecycle import LifecycleConfig, Population, labels_of, without
from vseg_trackers.observations import Observations
from vseg_trackers.state import pack_state, unpack_state
from vseg_trackers.types import Detections, Track


@dataclass(frozen=True, slots=True)
class OCSortConfig:
    """least_score: weaker detections are ignored.  gate: least overlap with the predicted box.

    recovery_gate: least overlap with the last observed box.  momentum: weight of the
    direction.
    """

    least_score: float = 0.8
    gate: float = 0.15
    recovery_gate: float = 0.5
    overlap: Overlap = Overlap.IOU
    momentum: float = 0.1
    direction_s: float = 0.3
    motion: MotionConfig = field(default_factory=MotionConfig)
    life: LifecycleConfig = field(default_factory=LifecycleConfig)


class OCSort:
    """One stream's tracker.  Not shared between streams or threads."""

    def __init__(self, config: OCSortConfig | None = None) -> None:
        self._config = config or OCSortConfig()
        self.reset()

    def reset(self) -> None:
        """Forget all tracks and start ids and time again."""
        self._tracks = Population(self._config.motion, self._config.life)
        self._past = Observations()
        self._times_s: deque[float] = deque()

    def update(self, detections: Detections, *, tentative: bool = False) -> tuple[Track, ...]:
        """The confirmed tracks of this frame's detections, in their order; with `tentative`
        those that are not confirmed yet, too.

        Raises TrackerError when time does not move forward.
        """
        tracks = self._tracks
        tracks.advance(detections)
        columns = (detections.scores >= self._config.least_score).nonzero()[0]
        # Motion before the last observed box: recovery (OCR) has only what it left.
        columns = self._match(detections, self._by_motion(detections, columns), columns)
        columns = self._match(detections, self._by_last_box(detections, columns), columns)
        tracks.begin(detections, columns)
        self._past.add(detections.boxes[columns], detections.time_s, tracks.motion)
        stays = tracks.age()
        if not stays.all():
            self._past.keep(stays)
        self._remember_time(detections.time_s)
        return tracks.explained(tentative)

    def tracks(self, *, tentative: bool = False) -> tuple[Track, ...]:
        """All confirmed tracks, the missed ones where motion puts them; with `tentative`
        those that are not confirmed yet, too.
        """
        return self._tracks.everyone(tentative)

    def snapshot(self) -> bytes:
        """The whole state; a tracker restored from it goes on with the same bits."""
        times_s = np.array(self._times_s, dtype=float)
        parts = self._tracks.state_arrays() | self._past.state_arrays()
        return pack_state(self, self._config, parts | {"frame_times": times_s})

    def restore(self, payload: bytes) -> None:
        """Go on from a snapshot.

        Raises TrackerError if it is damaged, or of another tracker or other settings.
        """
        state = unpack_state(self, self._config, payload)
        self._tracks.load(state)
        self._past.load(state)
        self._times_s = deque(state["frame_times"].tolist())

    def _by_motion(self, detections: Detections, columns: Int[np.ndarray, " N"]) -> Assignment:
        """First round: overlap with the prediction, plus momentum (OCM, equation 4)."""
        tracks = self._tracks
        config = self._config
        everyone = Labelled(np.arange(len(tracks)), tracks.motion.boxes, tracks.labels)
        gate = Gate(config.gate, config.overlap)
        pairs = overlapping(everyone, _picked(detections, columns), gate)
        if not len(pairs.rows):
            return assign(pairs)
        agreement = self._past.agreement(
            pairs.rows, detections.boxes[pairs.columns], config.direction_s
        )
        weight = config.momentum * detections.scores[pairs.columns]
        return assign(Candidates(pairs.rows, pairs.columns, pairs.gain + weight * agreement))

    def _by_last_box(
        self, detections: Detections, columns: Int[np.ndarray, " N"]
    ) -> Assignment:
        """Second round (OCR): overlap with the last box that was really observed."""
        tracks = self._tracks
        if not len(columns):
            return Assignment(columns, columns)
        rows = tracks.unmatched(np.arange(len(tracks)))
        still = Labelled(rows, self._past.boxes[rows], tracks.labels[rows])
        gate = Gate(self._config.recovery_gate, self._config.overlap)
        return assign(overlapping(still, _picked(detections, columns), gate))

    def _match(
        self, detections: Detections, pairs: Assignment, columns: Int[np.ndarray, " N"]
    ) -> Int[np.ndarray, " M"]:
        """Carry out an assignment; the detections that are left."""
        if not len(pairs.rows):
            return columns
        boxes = detections.boxes[pairs.columns]
        self._reupdate(pairs.rows, boxes)
        self._tracks.match(pairs.rows, detections, pairs.columns)
        self._past.observe(pairs.rows, boxes, detections.time_s, self._tracks.motion)
        return without(columns, pairs.columns, len(detections))

    def _reupdate(self, rows: Int[np.ndarray, " K"], boxes: Float[np.ndarray, "K 4"]) -> None:
        """Replay the frames a track was missed in along a straight line to its new box
        (ORU).
        """
        past = self._past
        motion = self._tracks.motion
        now_s = self._tracks.time_s
        last_s = past.time_s[rows]
        # Only tracks missed in the frame before have anything to replay.
        late = last_s < self._times_s[-1]
        if not late.any():
            return
        rows = rows[late]
        boxes = boxes[late]
        last_s = last_s[late]
        since_s = float(last_s.min())
        missed = [time_s for time_s in self._times_s if time_s > since_s]
        path = Path(past.planes[:, rows], past.boxes[rows], boxes, last_s, missed)
        motion.replay(rows, path, now_s)

    def _remember_time(self, time_s: float) -> None:
        self._times_s.append(time_s)
        # No live track was missed for longer, or more often: older times are never replayed.
        life = self._config.life
        while len(self._times_s) > life.lost_misses + 1 and (
            self._times_s[0] < time_s - life.lost_s
        ):
            self._times_s.popleft()


def _picked(detections: Detections, columns: Int[np.ndarray, " N"]) -> Labelled:
    boxes = detections.boxes.take(columns, axis=0)
    return Labelled(columns, boxes, labels_of(detections).take(columns))
