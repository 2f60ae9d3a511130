"""Checks of times that users give with images."""

import sys
from typing import Any

import numpy as np

from vseg.errors import BadFrame


def checked_time(time_s: Any) -> float:
    """What was given as a time, in seconds.  Raises BadFrame unless it is a finite number."""
    value = time_s
    if isinstance(time_s, np.generic) and time_s.dtype.kind in "iuf":
        value = time_s.item()
    number = isinstance(value, int | float) and not isinstance(value, bool)
    # Not math.isfinite, which fails for whole numbers that no float can hold.
    if number and -sys.float_info.max <= value <= sys.float_info.max:
        return float(value)
    raise BadFrame(
        f"time_s {time_s!r:.60} is not a time",
        hint="give finite seconds, or leave time_s out",
    )
