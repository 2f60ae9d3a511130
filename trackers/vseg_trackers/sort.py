"""SORT: predict, assign by overlap, correct.

Source: Bewley et al., "Simple Online and Realtime Tracking", ICIP 2016.  What differs: time in
seconds, noise relative to the box's size, gating before the assignment instead of after it,
and a track that is missed waits (`lost_s`) instead of ending at once.
"""

from dataclasses import dataclass, field

import numpy as np

from vseg_trackers.assignment import assign
from vseg_trackers.boxes import Overlap
from vseg_trackers.costs import Gate, Labelled, overlapping
from vseg_trackers.kalman import MotionConfig
from vseg_trackers.lifecycle import LifecycleConfig, Population, labels_of, without
from vseg_trackers.state import pack_state, unpack_state
from vseg_trackers.types import Detections, Track


@dataclass(frozen=True, slots=True)
class SortConfig:
    """least_score: weaker detections are ignored.  gate: least overlap of a match."""

    least_score: float = 0.8
    gate: float = 0.15
    overlap: Overlap = Overlap.IOU
    motion: MotionConfig = field(default_factory=MotionConfig)
    life: LifecycleConfig = field(default_factory=LifecycleConfig)


class Sort:
    """One stream's tracker.  Not shared between streams or threads."""

    def __init__(self, config: SortConfig | None = None) -> None:
        self._config = config or SortConfig()
        self._tracks = Population(self._config.motion, self._config.life)

    def update(self, detections: Detections, *, tentative: bool = False) -> tuple[Track, ...]:
        """The confirmed tracks of this frame's detections, in their order; with `tentative`
        those that are not confirmed yet, too.

        Raises TrackerError when time does not move forward.
        """
        tracks = self._tracks
        tracks.advance(detections)
        labels = labels_of(detections)
        strong = (detections.scores >= self._config.least_score).nonzero()[0]
        everyone = Labelled(np.arange(len(tracks)), tracks.motion.boxes, tracks.labels)
        found = Labelled(strong, detections.boxes.take(strong, axis=0), labels.take(strong))
        gate = Gate(self._config.gate, self._config.overlap)
        pairs = assign(overlapping(everyone, found, gate))
        tracks.match(pairs.rows, detections, pairs.columns)
        tracks.begin(detections, without(strong, pairs.columns, len(detections)))
        tracks.age()
        return tracks.explained(tentative)

    def tracks(self, *, tentative: bool = False) -> tuple[Track, ...]:
        """All confirmed tracks, the missed ones where motion puts them; with `tentative`
        those that are not confirmed yet, too.
        """
        return self._tracks.everyone(tentative)

    def reset(self) -> None:
        """Forget all tracks and start ids and time again."""
        self._tracks = Population(self._config.motion, self._config.life)

    def snapshot(self) -> bytes:
        """The whole state; a tracker restored from it goes on with the same bits."""
        return pack_state(self, self._config, self._tracks.state_arrays())

    def restore(self, payload: bytes) -> None:
        """Go on from a snapshot.

        Raises TrackerError if it is damaged, or of another tracker or other settings.
        """
        self._tracks.load(unpack_state(self, self._config, payload))
