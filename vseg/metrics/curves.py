"""J and F of one object over a clip, frame by frame, and which of the frames count.

Enters: the scores of one frame after the other.  Leaves: an ObjectCurve.  Five numbers per
frame are kept, never a mask.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from vseg.metrics.protocols import Protocol


@dataclass(frozen=True, slots=True)
class ObjectCurve:
    """One object on every annotated frame of a clip.

    frames: their numbers in the video.  true_area, pred_area: pixels, 0 where absent; truth's
    void pixels are in neither.  counted: whether the protocol counts the frame.
    """

    frames: Int[np.ndarray, " T"]
    j: Float[np.ndarray, " T"]
    f: Float[np.ndarray, " T"]
    true_area: Int[np.ndarray, " T"]
    pred_area: Int[np.ndarray, " T"]
    counted: Bool[np.ndarray, " T"]


@dataclass(frozen=True, slots=True)
class FrameScore:
    """One object on one frame."""

    j: float
    f: float
    true_area: int
    pred_area: int


ABSENT = FrameScore(1.0, 1.0, 0, 0)
"""An object absent from both sides scores 1."""


class CurveBuilder:
    """Collects the scores of one object; one that is first known late was absent before."""

    def __init__(self, frames_before: list[int]) -> None:
        self._frames = list(frames_before)
        self._scores = [ABSENT] * len(frames_before)

    def add(self, frame: int, score: FrameScore) -> None:
        """Take the next annotated frame."""
        self._frames.append(frame)
        self._scores.append(score)

    def curve(self, protocol: Protocol) -> ObjectCurve:
        """All frames so far, with those marked that the protocol counts."""
        true_area = np.array([one.true_area for one in self._scores], dtype=np.int64)
        pred_area = np.array([one.pred_area for one in self._scores], dtype=np.int64)
        return ObjectCurve(
            np.array(self._frames, dtype=np.int64),
            np.array([one.j for one in self._scores], dtype=np.float64),
            np.array([one.f for one in self._scores], dtype=np.float64),
            true_area,
            pred_area,
            _counted(true_area > 0, pred_area > 0, protocol),
        )


def _counted(
    true: Bool[np.ndarray, " T"], pred: Bool[np.ndarray, " T"], protocol: Protocol
) -> Bool[np.ndarray, " T"]:
    counted = np.ones(true.shape, dtype=bool)
    if protocol.frames == "inner":
        counted[:1] = False
        counted[-1:] = False
    if protocol.frames == "after_prompt":
        counted = np.cumsum(true) > 0
        counted[np.flatnonzero(true)[:1]] = False
    if protocol.from_first:
        counted &= np.cumsum(counted & (true | pred)) > 0
        if not (counted & true).any():
            counted[:] = False
    return counted
