"""ByteTrack: strong detections first, then the weak ones for tracks that are still open.

Source: Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box",
ECCV 2022. What differs: time in seconds; overlaps are not weighted by scores; each round is
gated before it is solved.  Unconfirmed tracks get what the others leave, in a round of their
own, as in the paper's code.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool

from vseg_trackers.assignment import Assignment, Candidates, Rounds
from vseg_trackers.boxes import Overlap
from vseg_trackers.costs import Gate, Labelled, overlapping
from vseg_trackers.kalman import MotionConfig
from vseg_trackers.lifecycle import (
    CONFIRMED,
    TENTATIVE,
    LifecycleConfig,
    Population,
    labels_of,
)
from vseg_trackers.state import pack_state, unpack_state
from vseg_trackers.types import Detections, Track


@dataclass(frozen=True, slots=True)
class ByteTrackConfig:
    """strong_score parts the two rounds; weak_score ends the second; begin_score starts a
    track.

    gate, weak_gate, new_gate: least overlap of a match in the strong, the weak and the last
    round.
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

    def update(self, detections: Detections, *, tentative: bool = False) -> tuple[Track, ...]:
        """The confirmed tracks of this frame's detections, in their order; with `tentative`
        those that are not confirmed yet, too.

        Raises TrackerError when time does not move forward.
        """
        config = self._config
        tracks = self._tracks
        scores = detections.scores
        tracks.advance(detections)
        is_strong = scores >= config.strong_score
        pairs = self._in_rounds(self._candidates(detections), is_strong)
        tracks.match(pairs.rows, detections, pairs.columns)
        begins = is_strong & (scores >= config.begin_score)
        begins[pairs.columns] = False
        tracks.begin(detections, begins.nonzero()[0])
        tracks.age()
        return tracks.explained(tentative)

    def _candidates(self, detections: Detections) -> Candidates:
        """All pairs that some round may use; gain: overlap above the lowest of their gates."""
        config = self._config
        tracks = self._tracks
        columns = (detections.scores >= min(config.weak_score, config.strong_score)).nonzero()[
            0
        ]
        return overlapping(
            Labelled(np.arange(len(tracks)), tracks.motion.boxes, tracks.labels),
            Labelled(
                columns,
                detections.boxes.take(columns, axis=0),
                labels_of(detections).take(columns),
            ),
            Gate(self._lowest_gate, config.overlap),
        )

    def _in_rounds(self, pairs: Candidates, is_strong: Bool[np.ndarray, " N"]) -> Assignment:
        """The matches of all rounds; a later one has only what the earlier ones left."""
        config = self._config
        state = self._tracks.state.take(pairs.rows)
        strong = is_strong.take(pairs.columns)
        new = state == TENTATIVE
        rounds = Rounds(len(self._tracks), len(is_strong))
        # ByteTrack's order: all but tentative tracks with strong detections, then weak
        # detections for confirmed tracks only, then tentative tracks with the strong rest.
        # Gains are counted from the lowest gate.
        rounds.take(pairs, strong & ~new, config.gate - self._lowest_gate)
        weak = ~strong & (state == CONFIRMED)
        rounds.take(pairs, weak, config.weak_gate - self._lowest_gate)
        rounds.take(pairs, strong & new, config.new_gate - self._lowest_gate)
        return rounds.taken

    @property
    def _lowest_gate(self) -> float:
        return min(self._config.gate, self._config.weak_gate, self._config.new_gate)

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
