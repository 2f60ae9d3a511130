"""Why a tracker's identities switch, told from its tracks at the moment of each switch.

Enters: a sequence and a tracker.  Leaves: how many switches each cause has.

A switch is CLEAR's: an object is matched to another track than the last time it was matched.
Its cause is what became of that last track, and where the other one comes from.
"""

from collections import Counter
from collections.abc import Callable
from enum import StrEnum

import numpy as np
from jaxtyping import Int

from benchmarks.box_sequences import BoxTracker, Sequence, identified
from vseg.metrics.clear import FrameMatches, matches
from vseg.metrics.identity_clip import IdentifiedBoxes, box_clip
from vseg.ops.boxes import box_iou
from vseg_trackers import Detections, Track


class Cause(StrEnum):
    """What became of the object's track, and who has the object now."""

    ENDED = "its track had ended"
    WAITS = "its track waits elsewhere, a new one began"
    PASSED = "its track went to another object, a new one began"
    OTHER = "its track waits, that of another object took it"
    SWAPPED = "its track and that of another object changed places"
    DOUBLE = "two tracks are on it"


def switch_causes(make: Callable[[], BoxTracker], sequence: Sequence) -> Counter[Cause]:
    """The switches of a tracker on a sequence, by cause."""
    tracker = make()
    frames = []
    live = []
    for detections in sequence.detections:
        frames.append(identified(tracker.update(detections)))
        live.append({track.track_id: track for track in tracker.tracks()})
    history = _History(sequence)
    for at, found in enumerate(matches(box_clip(sequence.truth, frames))):
        history.step(at, found, frames[at].ids, live[at])
    return history.causes


class _History:
    """The last track of each object, and the last object of each track."""

    def __init__(self, sequence: Sequence) -> None:
        self._sequence = sequence
        self._track_of: dict[int, int] = {}
        self._object_of: dict[int, int] = {}
        self.causes: Counter[Cause] = Counter()

    def step(
        self,
        at: int,
        found: FrameMatches,
        pred_ids: Int[np.ndarray, " P"],
        live: dict[int, Track],
    ) -> None:
        truth = self._sequence.truth[at]
        pairs = [
            (int(truth.ids[row]), int(pred_ids[column]))
            for row, column in zip(found.rows.tolist(), found.columns.tolist(), strict=True)
        ]
        for true_id, track_id in pairs:
            last = self._track_of.get(true_id)
            if last is not None and last != track_id:
                on = _object_under(live.get(last), self._sequence.detections[at], truth)
                comes_from = self._object_of.get(track_id)
                self.causes[_cause(true_id, last in live, on, comes_from)] += 1
        for true_id, track_id in pairs:
            self._track_of[true_id] = track_id
            self._object_of[track_id] = true_id


def _cause(true_id: int, lives: bool, on: int | None, comes_from: int | None) -> Cause:
    """on: the object under the last track's detection; comes_from: that of the new track."""
    if on == true_id:
        return Cause.DOUBLE
    if not lives:
        return Cause.ENDED
    is_new = comes_from is None or comes_from == true_id
    if on is None:
        return Cause.WAITS if is_new else Cause.OTHER
    return Cause.PASSED if is_new else Cause.SWAPPED


def _object_under(
    track: Track | None, detections: Detections, truth: IdentifiedBoxes
) -> int | None:
    """The true object that the track's detection overlaps most, if any."""
    if track is None or track.row is None or not len(truth.ids):
        return None
    overlap = box_iou(detections.boxes[track.row : track.row + 1], truth.boxes)[0]
    best = int(np.argmax(overlap))
    return int(truth.ids[best]) if overlap[best] > 0 else None
