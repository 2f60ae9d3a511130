"""How the pixels of a frame moved since an earlier one.

Enters: two grey images.  Leaves: the dense optical flow on the cells of masks (DIS: Kroeger et
al., Fast optical flow using dense inverse search, 2016).
"""

import cv2
import numpy as np
from jaxtyping import Float32

from vseg.session.identity.layers import GREY_SCALE, MOST_FRAMES_APART, Cells, Grey

Flow = Float32[np.ndarray, "h w 2"]
"""x, y in cells."""

# Pixels of the shorter and the longer side of grey images that OpenCV's optical flow can work
# on: of smaller ones it crashes.
_LEAST_SIDES = (32, 64)


def comparable(before: Grey, now: Grey, frames: int) -> bool:
    """Whether the flow between two images, so many frames apart, can be told."""
    return (
        before.shape == now.shape
        and 0 < abs(frames) <= MOST_FRAMES_APART
        and min(before.shape) >= _LEAST_SIDES[0]
        and max(before.shape) >= _LEAST_SIDES[1]
    )


def optical_flow(before: Grey, now: Grey) -> Flow:
    """How far what each cell shows now has come from where it was before."""
    dense = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    dense.setFinestScale(1)  # at 2 a body of 14 cells moves by half of what it does
    dense.setVariationalRefinementIterations(0)
    still = np.zeros((*now.shape, 2), dtype=np.float32)
    back = dense.calc(now, before, still)[::GREY_SCALE, ::GREY_SCALE]
    return np.asarray(-back / GREY_SCALE)


def median_flow(flow: Flow, cells: Cells) -> Float32[np.ndarray, " 2"]:
    """How most of some cells, at least one, moved: medians along x and along y.

    As np.median, in a third of the time: that looks for NaN, and along the longer axis.
    """
    moved = flow.reshape(-1, 2)[np.flatnonzero(cells)].T.copy()
    count = moved.shape[1]
    middle = [(count - 1) // 2, count // 2]
    moved.partition(middle, axis=1)
    return np.asarray(moved[:, middle].mean(axis=1))
