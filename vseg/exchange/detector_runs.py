"""On which frames a detector ran, told from the frames on which it detected something.

Enters: the frames that hold rows, and how often the detector ran where that is known.  Leaves:
whether it ran on a frame.  Most files leave out the frames on which nothing was detected.  An
empty frame may then be one without a run, which says nothing of any object, or one with a run
that missed all objects.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

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
SLACK = 1 / 3
"""A gap this share of a stride off a multiple still follows it: a run may come early or late.
A round value below the half, from which on no gap could fail; not tuned."""
LONG_GAP = 5
"""Frames from which on two gaps of one length in a row are no chance: a detector that misses
three of ten runs at random leaves such a pair once in some 400 gaps."""
ROUNDING = 1.5
"""Frames that the runs of an even stride may lie apart from a line through the first and the
last one: 1 by their own rounding and some for that of these two."""


@dataclass(frozen=True)
class DetectorRuns:
    """The runs of a detector over one video.

    frames: those with rows, ascending, each once.  stride: frames from one run to the next, on
    average.  unseen: which of the gaps between them hold no run.
    """

    frames: Int64[np.ndarray, " F"]
    stride: float
    unseen: Bool[np.ndarray, " G"]

    @staticmethod
    def of(rows: Int64[np.ndarray, " N"], every: int | None = None) -> "DetectorRuns":
        """The runs behind rows on these frames.  every: the stride where it is known."""
        frames = np.unique(rows)
        gaps = np.diff(frames)
        none = np.zeros(len(gaps), dtype=bool)
        if every:
            return DetectorRuns(frames, float(every), none)
        stride = stride_of(frames)
        if stride > 1 or not len(gaps):
            return DetectorRuns(frames, stride, none)
        if np.mean(gaps == 1) < USUAL_SHARE:
            return DetectorRuns(frames, float(gaps.max()), ~none)
        return DetectorRuns(frames, stride, _repeated(gaps))

    def in_words(self) -> str:
        """A clause that says on which frames the detector is taken to have run."""
        if not self.unseen.any():
            return f"the detector is taken to have run every {self.stride:.3g} frames"
        if self.unseen.all():
            return "the detector is taken to have run on the frames with rows only"
        return "the detector is taken to have run at intervals where rows are far apart"

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
            if self.unseen[place - 1]:
                return False
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
    within a frame of a multiple; or, where runs come early and late, near a multiple (`SLACK`)
    and most gaps are of one stride.  Runs that detected nothing leave multiples, and a
    detector that runs on every frame and misses at random leaves gaps of all lengths.
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
        if gaps[abs(gaps - gap) <= 1].mean() < LEAST_STRIDE:
            return 1.0
        stride = float(gaps[abs(gaps - gap) <= 1].mean())
        runs = np.maximum(1, np.rint(gaps / stride))
        if np.mean(abs(gaps - runs * stride) < 1) >= REGULAR_SHARE:
            return stride
        stride = float(gaps[abs(gaps - gap) <= gap * SLACK].mean())
        runs = np.maximum(1, np.rint(gaps / stride))
        late = abs(gaps - runs * stride) > stride * SLACK
        if np.mean(late) <= 1 - REGULAR_SHARE and np.mean(runs == 1) >= 1 / 2:
            return stride
    return 1.0


def _repeated(gaps: Int64[np.ndarray, " G"]) -> Bool[np.ndarray, " G"]:
    """Long gaps beside one of the same length: there a detector that ran on every frame, for a
    while, ran at intervals.
    """
    long = (gaps[1:] >= LONG_GAP) & (gaps[:-1] >= LONG_GAP)
    pairs = long & (abs(np.diff(gaps)) <= np.maximum(gaps[1:], gaps[:-1]) * SLACK)
    repeated = np.zeros(len(gaps), dtype=bool)
    repeated[1:] |= pairs
    repeated[:-1] |= pairs
    return repeated


def _is_even(frames: Int64[np.ndarray, " F"], stride: float) -> bool:
    """Whether the frames are multiples of a stride, rounded up or down."""
    off = frames - stride * np.arange(len(frames))
    return bool(off.max() - off.min() <= ROUNDING)
