"""Frame rates from a frame table: what the time stamps themselves say."""

from fractions import Fraction

import numpy as np

from vseg.ops.frame_rate import written_rate
from vseg.video.pts_index import PtsIndex

JITTER_TICKS = 2  # a millisecond clock rounds 33.3 to 33 and 34
JITTER_SHARE = 0.05
# Nearer to the median than one frame left out, which doubles the distance.  A round value.
USUAL_SHARE = 0.5


def is_variable(index: PtsIndex) -> bool:
    """Whether the distances between frames differ by more than the clock's rounding."""
    steps = np.diff(index.pts)
    if len(steps) == 0:
        return False
    spread = int(steps.max()) - int(steps.min())
    return spread > max(JITTER_TICKS, JITTER_SHARE * float(np.median(steps)))


def average_rate(index: PtsIndex) -> Fraction | None:
    """Frames a second over the whole clip; None for a single frame."""
    if len(index) < 2:
        return None
    span = (int(index.pts[-1]) - int(index.pts[0])) * index.time_base
    return written_rate((len(index) - 1) / span)


def frame_rate(index: PtsIndex, declared: Fraction | None) -> Fraction | None:
    """The nominal rate: the declared one where the time stamps agree, else what they say.

    Where distances differ it is that of the usual distance, so that a pause or frames left
    out do not change it.
    """
    average = average_rate(index)
    if average is None:
        return declared
    if is_variable(index):
        usual = _usual_rate(index)
        near = declared and abs(1 / declared - 1 / usual) <= index.time_base
        return declared if near else usual
    if declared:
        # Total rounding of the two end stamps: one tick over the whole clip.
        drift = abs((len(index) - 1) / declared - (len(index) - 1) / average)
        if drift <= 2 * index.time_base:
            return declared
    return average


def _usual_rate(index: PtsIndex) -> Fraction:
    """The mean of the distances near their median, as a rate: the clock's rounding averages
    out, pauses do not count.
    """
    steps = np.diff(index.pts)
    # One of the distances themselves, so that at least one is near it.
    median = int(np.sort(steps)[(len(steps) - 1) // 2])
    usual = steps[np.abs(steps - median) <= USUAL_SHARE * median + 1]
    span = int(usual.sum()) * index.time_base
    return written_rate(len(usual) / span)
