"""MaskletAssociator: everything that is known of an object decides together who it is.

Enters: boxes, with masks and embeddings where there are any.  Leaves: Tracks.  Our own
composition: strong detections before weak ones (ByteTrack, ECCV 2022), where a track was last
detected as a second opinion (OC-SORT, CVPR 2023), appearance as bonus or malus on overlap, and
at last appearance alone (DeepSORT, ICIP 2017).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from vseg_trackers.appearance import Appearances, SimilarityConfig
from vseg_trackers.assignment import Assignment, Candidates, Rounds
from vseg_trackers.boxes import Overlap, size_agreement
from vseg_trackers.costs import Gate, Labelled, overlapping
from vseg_trackers.gallery import GalleryConfig
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

Box = tuple[float, float, float, float]
"""x1 y1 x2 y2 in pixels, right and bottom exclusive."""
PLACED_GATE = 0.5
"""Least IoU of a detection with where a track is known to be, and of one that motion alone
gives to it before that.  The usual threshold of a match of two boxes; not tuned.
"""


@dataclass(frozen=True, slots=True)
class MaskletConfig:
    """strong_score parts strong and weak detections; below weak_score they are ignored.

    gate, weak_gate, recovery_gate, new_gate: least similarity of a match with a track by its
    motion, of a weak detection, with where a track was last detected, and with a tentative
    track; similarity is the overlap where only boxes are known.  reid_cosine: least cosine of
    a match by appearance alone; reach: how many standard deviations of the track's motion it
    may lie away.
    """

    strong_score: float = 0.9
    weak_score: float = 0.3
    gate: float = 0.15
    weak_gate: float = 0.5
    recovery_gate: float = 0.8
    new_gate: float = 0.3
    reid_cosine: float = 0.7
    reach: float = 6.0
    overlap: Overlap = Overlap.IOU
    similarity: SimilarityConfig = field(default_factory=SimilarityConfig)
    gallery: GalleryConfig = field(default_factory=GalleryConfig)
    motion: MotionConfig = field(default_factory=MotionConfig)
    life: LifecycleConfig = field(default_factory=LifecycleConfig)


class MaskletAssociator:
    """One stream's tracker.  Not shared between streams or threads."""

    def __init__(self, config: MaskletConfig | None = None) -> None:
        self._config = config or MaskletConfig()
        self.reset()

    def reset(self) -> None:
        """Forget all tracks and start ids and time again."""
        self._tracks = Population(self._config.motion, self._config.life)
        self._appearances = Appearances(self._config.similarity, self._config.gallery)

    def tracks(self, *, tentative: bool = False) -> tuple[Track, ...]:
        """All confirmed tracks, the missed ones where motion puts them; with `tentative`
        those that are not confirmed yet, too.
        """
        return self._tracks.everyone(tentative)

    def end(self, track_ids: Collection[int]) -> None:
        """Remove these tracks now, as where their objects are known to be gone; ids that no
        live track has do not matter.
        """
        stays = ~np.isin(self._tracks.ids, list(track_ids))
        self._tracks.keep(stays)
        self._appearances.keep(stays)

    def snapshot(self) -> bytes:
        """The whole state; a tracker restored from it goes on with the same bits."""
        parts = self._tracks.state_arrays() | self._appearances.state_arrays()
        return pack_state(self, self._config, parts)

    def restore(self, payload: bytes) -> None:
        """Go on from a snapshot.

        Raises TrackerError if it is damaged, or of another tracker or other settings.
        """
        state = unpack_state(self, self._config, payload)
        self._tracks.load(state)
        self._appearances.load(state)

    def update(
        self,
        detections: Detections,
        placed: Mapping[int, Box] | None = None,
        *,
        tentative: bool = False,
    ) -> tuple[Track, ...]:
        """The confirmed tracks of this frame's detections, in their order; with `tentative`
        those that are not confirmed yet, too.

        placed: where tracks are now, by id, as far as something else than detections tells
        it, such as masks that were propagated over frames without detections.  Raises
        TrackerError when time does not move forward, or when masks or embeddings have another
        size than those before.
        """
        tracks = self._tracks
        appearances = self._appearances
        appearances.check(detections)
        tracks.advance(detections)
        strong = detections.scores >= self._config.strong_score
        rounds = Rounds(len(tracks), len(detections))
        if placed:
            self._match_placed(detections, strong, placed, rounds)
        self._match(detections, strong, rounds)
        pairs = rounds.taken
        tracks.match(pairs.rows, detections, pairs.columns)
        begins = (strong & rounds.open_columns).nonzero()[0]
        new_rows = np.arange(len(tracks), len(tracks) + len(begins))
        tracks.begin(detections, begins, tracks.shared_motion() if len(begins) else None)
        appearances.add(len(begins))
        appearances.update(pairs, detections, strong)
        appearances.update(Assignment(new_rows, begins), detections, strong)
        appearances.keep(tracks.age())
        return tracks.explained(tentative)

    def _match(
        self, detections: Detections, strong: Bool[np.ndarray, " N"], rounds: Rounds
    ) -> None:
        config = self._config
        tracks = self._tracks
        columns = (detections.scores >= min(config.weak_score, config.strong_score)).nonzero()[
            0
        ]
        boxes = tracks.motion.boxes
        by_motion = self._overlapping_pairs(detections, boxes, np.arange(len(tracks)), columns)
        # The gates ask what may be one object; which of several it is, sizes tell as well.
        alike = size_agreement(
            boxes.take(by_motion.rows, axis=0),
            detections.boxes.take(by_motion.columns, axis=0),
        )
        is_strong = strong.take(by_motion.columns)
        state = tracks.state.take(by_motion.rows)
        known = state != TENTATIVE
        rounds.take(by_motion, is_strong & known, config.gate, alike)
        rounds.take(by_motion, ~is_strong & (state == CONFIRMED), config.weak_gate, alike)
        self._find_again(detections, strong, rounds)
        rounds.take(by_motion, is_strong & ~known, config.new_gate, alike)

    def _match_placed(
        self,
        detections: Detections,
        strong: Bool[np.ndarray, " N"],
        placed: Mapping[int, Box],
        rounds: Rounds,
    ) -> None:
        """Match where motion leaves little doubt, then where tracks are known to be."""
        tracks = self._tracks
        columns = strong.nonzero()[0]
        known = (tracks.state != TENTATIVE).nonzero()[0]
        for rows, boxes in (
            (known, tracks.motion.boxes),
            (np.isin(tracks.ids, list(placed)).nonzero()[0], self._placed_boxes(placed)),
        ):
            pairs = self._overlapping_pairs(detections, boxes, rows, columns)
            rounds.take(pairs, np.ones(len(pairs.rows), dtype=bool), PLACED_GATE)

    def _placed_boxes(self, placed: Mapping[int, Box]) -> Float[np.ndarray, "T 4"]:
        """The boxes in `placed` by row, without any area for the other tracks."""
        empty = (0.0, 0.0, 0.0, 0.0)
        boxes = [placed.get(track_id, empty) for track_id in self._tracks.ids.tolist()]
        return np.array(boxes, dtype=float).reshape(-1, 4)

    def _find_again(
        self, detections: Detections, strong: Bool[np.ndarray, " N"], rounds: Rounds
    ) -> None:
        """Match what is left where it was last detected, then by appearance alone."""
        columns = (rounds.open_columns & strong).nonzero()[0]
        rows = (rounds.open_rows & (self._tracks.state != TENTATIVE)).nonzero()[0]
        if not len(columns) or not len(rows):
            return
        still = self._overlapping_pairs(detections, self._tracks.found, rows, columns)
        rounds.take(still, np.ones(len(still.rows), dtype=bool), self._config.recovery_gate)
        if detections.embeddings is not None:
            similar = self._by_appearance(detections, detections.embeddings, rows, columns)
            rounds.take(
                similar, np.ones(len(similar.rows), dtype=bool), self._config.reid_cosine
            )

    def _overlapping_pairs(
        self,
        detections: Detections,
        boxes: Float[np.ndarray, "T 4"],
        rows: Int[np.ndarray, " R"],
        columns: Int[np.ndarray, " C"],
    ) -> Candidates:
        """Pairs of one class, tracks taken to be at `boxes`; gain: similarity."""
        config = self._config
        tracks = self._tracks
        gates = (config.gate, config.weak_gate, config.recovery_gate, config.new_gate)
        # What appearance adds may lift a pair over a gate; what only touches is let in for it.
        least = min(0.0, *gates)
        found = Labelled(
            columns,
            detections.boxes.take(columns, axis=0),
            labels_of(detections).take(columns),
        )
        placed = Labelled(rows, boxes.take(rows, axis=0), tracks.labels.take(rows))
        pairs = overlapping(placed, found, Gate(least, config.overlap))
        pairs = Candidates(pairs.rows, pairs.columns, pairs.gain + least)
        return Candidates(
            pairs.rows, pairs.columns, self._appearances.similarity(pairs, tracks, detections)
        )

    def _by_appearance(
        self,
        detections: Detections,
        embeddings: Float[np.ndarray, "N E"],
        rows: Int[np.ndarray, " R"],
        columns: Int[np.ndarray, " C"],
    ) -> Candidates:
        """Pairs of one class within reach of the track's motion; gain: cosine."""
        tracks = self._tracks
        pairs_rows = np.repeat(rows, len(columns))
        pairs_columns = np.tile(columns, len(rows))
        right = tracks.labels[pairs_rows] == labels_of(detections)[pairs_columns]
        away = tracks.motion.deviations(pairs_rows, detections.boxes[pairs_columns])
        right &= away <= self._config.reach
        pairs_rows = pairs_rows[right]
        pairs_columns = pairs_columns[right]
        cosine = self._appearances.gallery.similarity(pairs_rows, embeddings[pairs_columns])
        return Candidates(pairs_rows, pairs_columns, cosine)
