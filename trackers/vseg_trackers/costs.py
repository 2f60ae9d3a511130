"""Candidate pairs of tracks and detections, and what each is worth.

Enters: boxes of tracks and of detections.  Leaves: Candidates whose gain is overlap above a
gate, to which an algorithm adds its own terms before `assign`.  Pairs of different classes are
never candidates.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from vseg_trackers.assignment import Candidates
from vseg_trackers.boxes import Overlap, overlap_of_pairs, touching_pairs


@dataclass(frozen=True, slots=True)
class Labelled:
    """Boxes with their classes and their row numbers in whatever they were picked from."""

    rows: Int[np.ndarray, " N"]
    boxes: Float[np.ndarray, "N 4"]
    labels: Int[np.ndarray, " N"]


@dataclass(frozen=True, slots=True)
class Gate:
    """Pairs must overlap by more than `least`, in the measure `kind`.

    Boxes that do not touch are candidates only where a negative GIoU or DIoU is let in.
    """

    least: float
    kind: Overlap = Overlap.IOU


def overlapping(tracks: Labelled, detections: Labelled, gate: Gate) -> Candidates:
    """Pairs of one class that pass the gate; gain: how far above it they are."""
    if gate.kind is not Overlap.IOU and gate.least < 0:
        every = np.ones((len(tracks.rows), len(detections.rows)), dtype=bool)
        t, d = every.nonzero()
    else:
        t, d = touching_pairs(tracks.boxes, detections.boxes)
    same = tracks.labels.take(t) == detections.labels.take(d)
    if np.count_nonzero(same) < len(same):
        t = t[same]
        d = d[same]
    theirs = tracks.boxes.take(t, axis=0)
    found = detections.boxes.take(d, axis=0)
    gain = overlap_of_pairs(theirs, found, gate.kind) - gate.least
    return Candidates(tracks.rows.take(t), detections.rows.take(d), gain).where(gain > 0)
