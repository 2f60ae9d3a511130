"""Whether a frame tells an object from a distractor of similar appearance (DAM4SAM,
arXiv:2411.17576, section 3.2).

Enters: the chosen mask, the masks that were proposed beside it, and observations of the object
on frames before.  Leaves: yes or no.  A frame on which the decoder was confident but also
proposed a mask elsewhere is worth keeping as an anchor: it shows both candidates, and which of
them is the object.
"""

from statistics import median

import cv2
import numpy as np
from jaxtyping import Bool

from vseg.interfaces.memory_policy import History, Observation
from vseg.ops.masks import mask_box
from vseg.session.memory.expected_box import cell_iou

# All five values are the paper's (section 3.2).
_CONFIDENT_QUALITY = 0.8
# Largest deviation from the usual area, as a share of it.
_AREA_TOLERANCE = 0.2
# How many of the last areas the usual one is the median of.
_AREAS = 10
# Least number of frames between two anchors.
_ANCHOR_STRIDE = 5
# Largest IoU of the object's box with the box that includes the distractor.
_DISTRACTOR_IOU = 0.7


def may_anchor(observation: Observation, past: History, frame_index: int) -> bool:
    """Whether the mask is confident and of the usual area, and no anchor is nearer than 5
    frames.
    """
    areas = [before.area for before in past.values() if before.area][-_AREAS:]
    if not areas or observation.quality <= _CONFIDENT_QUALITY:
        return False
    usual = median(areas)
    if abs(observation.area - usual) > _AREA_TOLERANCE * usual:
        return False
    anchors = [frame for frame, before in past.items() if before.anchor]
    return all(abs(frame_index - frame) >= _ANCHOR_STRIDE for frame in anchors)


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
    """Whether the largest part of what lies beyond the chosen mask widens its box."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(beyond.astype(np.uint8))
    if count < 2:  # nothing but background
        return False
    largest = labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return cell_iou(mask_box(chosen), mask_box(chosen | largest)) <= _DISTRACTOR_IOU
