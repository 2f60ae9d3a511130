"""Stretches of identity, and what an offline pass over a clip made of them.

Enters: online Tracks or any boxes with ids.  Leaves: Tracklets; whole tracks and the changes
that made them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from vseg_trackers.errors import TrackerError
from vseg_trackers.types import Detections, Track, check_embeddings


@dataclass(frozen=True, slots=True)
class Tracklet:
    """Where one object was detected over a stretch of time; frames in between may lack.

    track_id: positive; times_s: growing; boxes: x1 y1 x2 y2 pixels; scores in [0, 1];
    embeddings: any number of views of it, not tied to frames.  Raises TrackerError naming the
    track and the row.
    """

    track_id: int
    times_s: Float[np.ndarray, " T"]
    boxes: Float[np.ndarray, "T 4"]
    scores: Float[np.ndarray, " T"]
    label: int = 0
    embeddings: Float[np.ndarray, "V C"] | None = None

    def __post_init__(self) -> None:
        where = f"tracklet {self.track_id}"
        if self.track_id < 1:
            raise TrackerError(f"{where}: ids are positive")
        if not len(self.times_s) or not (
            len(self.times_s) == len(self.boxes) == len(self.scores)
        ):
            raise TrackerError(
                f"{where}: {len(self.times_s)} times, {len(self.boxes)} boxes, "
                f"{len(self.scores)} scores: give one of each for every frame, at least one"
            )
        try:
            Detections(float(self.times_s[0]), self.boxes, self.scores)
            if self.embeddings is not None:
                check_embeddings(self.embeddings)
        except TrackerError as error:
            raise TrackerError(f"{where}: {error}") from error
        # NaN is not after anything, nor is anything after it.
        forward = np.diff(self.times_s) > 0
        if not forward.all():
            row = int(np.argmin(forward)) + 1
            raise TrackerError(
                f"{where} row {row}: time_s {self.times_s[row]:g} does not come after "
                f"{self.times_s[row - 1]:g}: give its frames in order, each once"
            )

    def __len__(self) -> int:
        return len(self.times_s)


@dataclass(frozen=True, slots=True)
class WholeTrack:
    """One object over its whole stay; frames of gaps too long to fill lack.

    boxes: smoothed, x1 y1 x2 y2 pixels; sources: the id of the tracklet that has it on a
    frame, 0 where the box is interpolated; score: the mean of its detections'.
    """

    track_id: int
    label: int
    times_s: Float[np.ndarray, " F"]
    boxes: Float[np.ndarray, "F 4"]
    sources: Int[np.ndarray, " F"]
    score: float


@dataclass(frozen=True, slots=True)
class Joined:
    """Tracklet `joined_id`, which begins at `at_s`, `gap_s` after the last of it, is
    `track_id`.
    """

    track_id: int
    joined_id: int
    at_s: float
    gap_s: float


@dataclass(frozen=True, slots=True)
class Filled:
    """`num_frames` frames of `track_id` between `from_s` and `to_s` were interpolated."""

    track_id: int
    from_s: float
    to_s: float
    num_frames: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """`track_id` was taken for a false alarm: `num_frames` detections of mean score
    `score`.
    """

    track_id: int
    from_s: float
    to_s: float
    num_frames: int
    score: float


@dataclass(frozen=True, slots=True)
class Extended:
    """`num_frames` weak detections from `from_s` on were put before the beginning of
    `track_id`.
    """

    track_id: int
    from_s: float
    num_frames: int


Change = Joined | Filled | Dropped | Extended


@dataclass(frozen=True, slots=True)
class Linked:
    """The whole tracks of a clip, by id, and what was changed to get them."""

    tracks: tuple[WholeTrack, ...]
    changes: tuple[Change, ...]


def tracklets_of(
    updates: Iterable[tuple[Detections, tuple[Track, ...]]],
) -> tuple[Tracklet, ...]:
    """The detections of each identity, by id.

    updates: the detections of every frame and what `update` returned for them.
    """
    records: dict[int, _Record] = {}
    for detections, tracks in updates:
        for track in tracks:
            if track.row is not None:
                record = records.setdefault(
                    track.track_id, _Record(track.label, [], [], [], [])
                )
                record.label = track.label
                record.add(detections, track.row)
    return tuple(record.tracklet(track_id) for track_id, record in sorted(records.items()))


@dataclass(slots=True)
class _Record:
    label: int
    times_s: list[float]
    boxes: list[Float[np.ndarray, " 4"]]
    scores: list[float]
    embeddings: list[Float[np.ndarray, " C"]]

    def add(self, detections: Detections, row: int) -> None:
        self.times_s.append(detections.time_s)
        self.boxes.append(detections.boxes[row])
        self.scores.append(float(detections.scores[row]))
        if detections.embeddings is not None:
            self.embeddings.append(detections.embeddings[row])

    def tracklet(self, track_id: int) -> Tracklet:
        return Tracklet(
            track_id,
            np.array(self.times_s, dtype=float),
            np.array(self.boxes, dtype=float),
            np.array(self.scores, dtype=float),
            self.label,
            np.array(self.embeddings) if self.embeddings else None,
        )
