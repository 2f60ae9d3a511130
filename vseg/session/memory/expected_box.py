"""Where an object's box should be if its motion goes on (SAMURAI, arXiv:2411.11922, section
4.1).

Enters: observations of one object.  Leaves: the expected box, and the IoU of boxes with it.
What we changed: there a Kalman filter predicts the box; here a straight line is fitted to the
last boxes, which needs no state of its own: what is forgotten of the past is forgotten of the
motion too.  Time is counted in frames.
"""

import numpy as np

from vseg.interfaces.memory_policy import HISTORY, CellBox, Cells, History
from vseg.ops.boxes import box_iou

# A track is stable while its masks' predicted IoU is above this (SAMURAI's value).
_STABLE_QUALITY = 0.3

# How many of the last observations the line is fitted to: fewer than HISTORY, for an object
# may turn.  Not tuned.
_FITTED = 8


def expected_box(past: History, frame_index: int) -> CellBox | None:
    """The box on a frame; None unless the track was stable on every one of the last HISTORY
    frames.
    """
    stable = all(o.area > 0 and o.quality > _STABLE_QUALITY for o in past.values())
    if len(past) < HISTORY or not stable:
        return None
    fitted = list(past.items())[-_FITTED:]
    frames = [float(frame) for frame, _ in fitted]
    x1, y1, x2, y2 = (
        _on_line(frames, [observation.box[side] for _, observation in fitted], frame_index)
        for side in range(4)
    )
    return x1, y1, x2, y2


def cell_iou(a: CellBox, b: CellBox) -> float:
    """The IoU of two boxes, in [0, 1]; 0 if either is empty."""
    return float(box_iou(np.array([a], dtype=float), np.array([b], dtype=float))[0, 0])


def _on_line(frames: list[float], values: list[Cells], at: int) -> float:
    """The least-squares line through (frame, value), evaluated at a frame."""
    count = len(frames)
    mean_frame = sum(frames) / count
    mean_value = sum(values) / count
    variance = sum((frame - mean_frame) ** 2 for frame in frames)
    pairs = zip(frames, values, strict=True)
    covariance = sum((f - mean_frame) * (v - mean_value) for f, v in pairs)
    return mean_value + covariance / variance * (at - mean_frame)
