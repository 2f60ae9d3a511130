"""On which frames a detector ran, told from the frames on which it detected something.

Enters: the frames that hold rows, and how often the detector ran where that is known.  Leaves:
whether it ran on a frame.  Most files leave out the frames on which nothing was detected, so
that an empty frame may be one without a run, which says nothing of any object, or one on which
all objects were missed.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

REGULAR_SHARE = 0.9
"""So many of the gaps between frames with rows must be multiples of a stride.  Below 1: a
detector that was run once more, by hand, does not hide its stride.  A round value; not tuned.
"""
USUAL_SHARE = 0.1
"""A gap of which there are fewer is not taken for the stride, unless it is the most frequent.
A round value; not tuned.
"""
LEAST_STRIDE = 2.0
"""A smaller stride is every frame, unless the gaps follow it exactly: a detector that misses
at random leaves gaps of 1 and 2 frames too."""
LEAST_GAPS = 8
"""Fewer gaps follow a stride below `LEAST_STRIDE` by chance.  A round value; not tuned."""
ROUNDING = 1.5
"""Frames that the runs of an even stride may lie apart from a line through the first and the
last one: 1 by their own rounding and some for that of these two."""


@dataclass(frozen=True)
class DetectorRuns:
    """The runs of a detector over one video.

    frames: those with rows, ascending, each once.  stride: frames from one run to the next, on
    average.
    """

    frames: Int64[np.ndarray, " F"]
    stride: float

    @staticmethod
    def of(rows: Int64[np.ndarray, " N"], every: int | None = None) -> "DetectorRuns":
        """The runs behind rows on these frames.  every: the stride where it is known."""
        frames = np.unique(rows)
        return DetectorRuns(frames, float(every) if every else stride_of(frames))

    def ran_on(self, frame_index: int) -> bool:
        """Whether the detector ran on a frame: it holds rows, or is a whole number of strides
        after the last one that does and not within half a stride of the next.
        """
        place = int(np.searchsorted(self.frames, frame_index, side="right"))
        if place == 0:
            return False
        since = frame_index - int(self.frames[place - 1])
        if since == 0:
            return True
        if place < len(self.frames):
            until = int(self.frames[place]) - frame_index
            if until <= self.stride / 2:
                return False
        runs = round(since / self.stride)
        return runs > 0 and since == round(runs * self.stride)


def stride_of(frames: Int64[np.ndarray, " F"]) -> float:
    """Frames from one run of the detector to the next; 1 where no regular stride is known.

    frames: those that hold rows, ascending, each once.  A stride is a usual gap between them,
    averaged with the gaps that are one frame shorter or longer (10 runs a second of 25 frames
    are 2 or 3 frames apart).  The shortest counts of which `REGULAR_SHARE` of all gaps are
    within a frame of a multiple: runs that detected nothing leave multiples, and a detector
    that runs on every frame and misses at random leaves gaps of all lengths.
    """
    gaps = np.diff(frames)
    if not len(gaps):
        return 1.0
    mean = float(gaps.mean())
    if len(gaps) >= LEAST_GAPS and np.ptp(gaps) <= 1 and _is_even(frames, mean):
        return mean
    lengths, counts = np.unique(gaps, return_counts=True)
    usual = lengths[(counts >= USUAL_SHARE * len(gaps)) | (counts == counts.max())]
    for gap in usual.tolist():
        stride = float(gaps[abs(gaps - gap) <= 1].mean())
        if stride < LEAST_STRIDE:
            return 1.0
        off = abs(gaps - np.maximum(1, np.rint(gaps / stride)) * stride)
        if np.mean(off < 1) >= REGULAR_SHARE:
            return stride
    return 1.0


def _is_even(frames: Int64[np.ndarray, " F"], stride: float) -> bool:
    """Whether the frames are multiples of a stride, rounded up or down."""
    off = frames - stride * np.arange(len(frames))
    return bool(off.max() - off.min() <= ROUNDING)
