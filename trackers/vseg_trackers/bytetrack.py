"""ByteTrack: strong detections first, then the weak ones for tracks that are still open.

Source: Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV
2022. What differs: time in seconds; overlaps are not weighted by scores; each round is gated
before it is solved.  Unconfirmed tracks get what the others leave, in a round of their own, as in
the paper's code.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int

from vseg_trackers.assignment import assign
from vseg_trackers.boxes import Overlap
from vseg_trackers.costs import Gate, Labelled, overlapping
from vseg_trackers.kalman import MotionConfig
from vseg_trackers.lifecycle import (
    CONFIRMED,
    TENTATIVE,
    LifecycleConfig,
    Population,
    labels_of,
    without,
)
from vseg_trackers.types import Detections, Track


@dataclass(frozen=True, slots=True)
class ByteTrackConfig:
    """strong_score parts the two rounds; weak_score ends the second; begin_score starts a track.

    gate, weak_gate, new_gate: least overlap of a match in the strong, the weak and the last round.
    """

    strong_score: float = 0.8
    weak_score: float = 0.3
    begin_score: float = 0.8
    gate: float = 0.15
    weak_gate: float = 0.5
    new_gate: float = 0.3
    overlap: Overlap = Overlap.IOU
    motion: MotionConfig = field(default_factory=MotionConfig)
    life: LifecycleConfig = field(default_factory=LifecycleConfig)


class ByteTrack:
    """One stream's tracker.  Not shared between streams or threads."""

    def __init__(self, config: ByteTrackConfig | None = None) -> None:
        self._config = config or ByteTrackConfig()
        self._tracks = Population(self._config.motion, self._config.life)

    def update(self, detections: Detections) -> tuple[Track, ...]:
        """The tracks of this frame's detections, in their order; a detection may have none.

        Raises TrackerError when time does not move forward.
        """
        config, tracks, scores = self._config, self._tracks, detections.scores
        tracks.advance(detections.time_s)
        is_strong, is_new = scores >= config.strong_score, tracks.state == TENTATIVE
        strong = is_strong.nonzero()[0]
        weak = ((scores >= config.weak_score) & ~is_strong).nonzero()[0]
        new, known = is_new.nonzero()[0], (~is_new).nonzero()[0]
        seen = (tracks.state == CONFIRMED).nonzero()[0]

        strong = self._round(detections, known, strong, config.gate)
        self._round(detections, tracks.unmatched(seen), weak, config.weak_gate)
        strong = self._round(detections, new, strong, config.new_gate)
        tracks.begin(detections, strong[scores[strong] >= config.begin_score])
        tracks.age()
        return tracks.explained()

    def _round(
        self,
        detections: Detections,
        rows: Int[np.ndarray, " T"],
        columns: Int[np.ndarray, " N"],
        least: float,
    ) -> Int[np.ndarray, " M"]:
        """Match tracks `rows` with detections `columns`; the detections that are left."""
        if not len(rows) or not len(columns):
            return columns
        tracks = self._tracks
        pairs = assign(
            overlapping(
                Labelled(rows, tracks.motion.boxes[rows], tracks.labels[rows]),
                Labelled(columns, detections.boxes[columns], labels_of(detections)[columns]),
                Gate(least, self._config.overlap),
            )
        )
        tracks.match(pairs.rows, detections, pairs.columns)
        return without(columns, pairs.columns, len(detections))

    def tracks(self) -> tuple[Track, ...]:
        """All live tracks, the unseen ones where motion puts them."""
        return self._tracks.everyone()

    def reset(self) -> None:
        """Forget all tracks and start ids and time again."""
        self._tracks = Population(self._config.motion, self._config.life)
