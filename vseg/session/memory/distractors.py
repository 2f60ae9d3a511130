"""Whether a frame tells an object from something that looks like it (DAM4SAM,
arXiv:2411.17576, section 3.2).

Enters: the chosen mask, the masks that were proposed beside it, and glimpses of the object
before.  Leaves: yes or no.  A frame on which the decoder was sure, but saw a second candidate
elsewhere, is worth keeping as an anchor: it shows both, and which of them is meant.
"""

from statistics import median

import cv2
import numpy as np
from jaxtyping import Bool

from vseg.interfaces.memory_policy import CellBox, History, Observation
from vseg.session.memory.motion import box_iou

_SURE = 0.8
_SAME_SIZE = 0.2
_AREAS = 10
_APART = 5
_ELSEWHERE = 0.7


def may_anchor(seen: Observation, past: History, frame_index: int) -> bool:
    """Whether the object is seen well, at its usual size, and the last anchor is 5 frames away
    or more.
    """
    areas = [observation.area for observation in past.values() if observation.area][-_AREAS:]
    if not areas or seen.quality <= _SURE:
        return False
    usual = median(areas)
    if abs(seen.area - usual) > _SAME_SIZE * usual:
        return False
    return all(abs(frame_index - f) >= _APART for f, g in past.items() if g.anchor)


def shows_distractor(
    chosen: Bool[np.ndarray, "h w"], others: Bool[np.ndarray, "K h w"]
) -> bool:
    """Whether one of the other masks has a part beyond the chosen one that widens its box a
    lot.

    The boxes compared are those of the chosen mask and of its union with the largest such
    part: their IoU is at most 0.7.  A mask of a part of the object, as the decoder often
    proposes, is no distractor.
    """
    return any(_widens(chosen, other & ~chosen) for other in others)


def _widens(chosen: Bool[np.ndarray, "h w"], beyond: Bool[np.ndarray, "h w"]) -> bool:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(beyond.astype(np.uint8))
    if count < 2:  # nothing but background
        return False
    largest = labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return box_iou(_box(chosen), _box(chosen | largest)) <= _ELSEWHERE


def _box(mask: Bool[np.ndarray, "h w"]) -> CellBox:
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
