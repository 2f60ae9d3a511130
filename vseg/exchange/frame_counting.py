"""Whether the frames of a file count from 0 or from 1.

Enters: frame numbers as they stand in the file.  Leaves: the number of the first frame.
"""

import numpy as np
from jaxtyping import Int64


def first_number(
    numbers: Int64[np.ndarray, " N"], num_frames: int | None, otherwise: int
) -> int:
    """0 or 1, of which fewer numbers lie outside the clip; `otherwise` where both fit alike.

    One number that is wrong does not decide for the others.  num_frames: None where the end is
    not known: then only numbers below the first lie outside.
    """
    end = np.iinfo(np.int64).max - 1 if num_frames is None else num_frames
    outside = [
        int(np.count_nonzero((numbers < first) | (numbers >= end + first))) for first in (0, 1)
    ]
    if outside[0] == outside[1]:
        return otherwise
    return 0 if outside[0] < outside[1] else 1


def likely_first(numbers: Int64[np.ndarray, " N"], num_frames: int | None) -> int:
    """The same where files may count either way: from 1 where that is the smallest number of
    all, as the first frame seldom is the only one without a row.
    """
    return first_number(numbers, num_frames, int(len(numbers) > 0 and numbers.min() == 1))
