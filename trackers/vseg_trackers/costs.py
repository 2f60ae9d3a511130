"""Candidate pairs of tracks and detections, and what each is worth.

Enters: boxes of tracks and of detections.  Leaves: Candidates whose gain is overlap above a
gate, to which an algorithm adds its own terms before `assign`.  The class that a detector
gives to one object may change from frame to frame: a pair of different classes is a candidate
where the boxes are nearly the same, and worth less than a pair of one class.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from vseg_trackers.assignment import Candidates
from vseg_trackers.boxes import Overlap, overlap_of_pairs, touching_pairs

OTHER_CLASS_IOU = 0.5
"""Least overlap of a track and a detection of another class.  The usual threshold of a match
of two boxes: a rider and the bicycle share less.  Not tuned.
"""
OTHER_CLASS_COST = 0.2
"""What another class takes off the overlap, so that of two boxes in one place that of the same
class is taken.  A round value; not tuned.
"""


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
    """Pairs that pass the gate, those of different classes less easily; gain: how far above it
    they are.
    """
    if gate.kind is not Overlap.IOU and gate.least < 0:
        every = np.ones((len(tracks.rows), len(detections.rows)), dtype=bool)
        t, d = every.nonzero()
    else:
        t, d = touching_pairs(tracks.boxes, detections.boxes)
    theirs = tracks.boxes.take(t, axis=0)
    found = detections.boxes.take(d, axis=0)
    overlap = overlap_of_pairs(theirs, found, gate.kind)
    other = tracks.labels.take(t) != detections.labels.take(d)
    if np.count_nonzero(other):
        near = overlap >= OTHER_CLASS_IOU
        overlap[other] = np.where(near[other], overlap[other] - OTHER_CLASS_COST, -np.inf)
    gain = overlap - gate.least
    return Candidates(tracks.rows.take(t), detections.rows.take(d), gain).where(gain > 0)
