"""Shot boundaries: where one shot ends and the next begins.

Enters: frames in order.  Leaves: whether a frame begins a new shot.  Colour histograms of nine
parts of the frame are compared with those of the frame before (Boreczky and Rowe 1996 found
block histograms the most reliable of the simple methods).  A cut is a large change that is
also far above the changes just before.  What we changed: the layout of the brightness must
differ too, for a fade or a lamp changes the colours alone.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from vseg.types import Frame

# Levels of a colour channel, so 216 bins; blocks along a side; sides of the small copies that
# are compared.  Round values; not tuned.
_LEVELS = 6
_BLOCKS = 3
_SIDE_PX = 96
_LAYOUT_PX = 16


@dataclass(frozen=True, slots=True)
class FrameSignature:
    """What is kept of a frame, to compare the next one with.

    histograms: of the blocks, summing to 1.  layout: the brightness of a small copy, of mean 0
    and length 1.  mean_change: running mean of the changes before.  cut: whether the frame
    begins a new shot.
    """

    frame_index: int
    histograms: Float32[np.ndarray, "P B"]
    layout: Float32[np.ndarray, " C"]
    mean_change: float
    cut: bool


@dataclass(frozen=True, slots=True)
class CutRule:
    """When a change is a cut.

    least: share of the histograms' mass that changes.  factor: how many times the mean change.
    layout_cosine: frames whose layouts are more similar show the same scene.  How these values
    were chosen is not recorded.
    """

    least: float = 0.42
    factor: float = 3.0
    layout_cosine: float = 0.8


def frame_signature(
    frame: Frame, before: FrameSignature | None, rule: CutRule
) -> FrameSignature:
    """The frame's signature, with whether it begins a new shot.

    A frame that does not follow or precede `before` directly begins nothing: a change between
    them need not be a cut.
    """
    if before is not None and before.frame_index == frame.index:
        return before
    histograms = _histograms(frame)
    layout = _layout(frame)
    if before is None or abs(before.frame_index - frame.index) != 1:
        return FrameSignature(frame.index, histograms, layout, 0.0, False)
    shared = float(np.minimum(histograms, before.histograms).sum()) / len(histograms)
    change = 1 - shared
    cut = change >= max(rule.least, rule.factor * before.mean_change)
    cut = cut and float(layout @ before.layout) < rule.layout_cosine
    mean_change = before.mean_change
    if not cut:
        # A running mean over about five frames: short, for motion changes within a shot.
        mean_change = 0.8 * mean_change + 0.2 * change
    return FrameSignature(frame.index, histograms, layout, mean_change, cut)


def _histograms(frame: Frame) -> Float32[np.ndarray, "P B"]:
    """Colour histograms of the blocks of a small copy, summing to 1."""
    small = cv2.resize(frame.image, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    side = _SIDE_PX // _BLOCKS
    blocks = small.reshape(_BLOCKS, side, _BLOCKS, side, 3).transpose(0, 2, 1, 3, 4)
    levels = blocks.reshape(_BLOCKS * _BLOCKS, -1, 3).astype(np.int64) * _LEVELS // 256
    bins = levels @ np.array([_LEVELS * _LEVELS, _LEVELS, 1])
    # All blocks are counted at once, in ranges of bins of their own.
    offset = np.arange(len(bins))[:, None] * _LEVELS**3
    counts = np.bincount((bins + offset).ravel(), minlength=len(bins) * _LEVELS**3)
    shares = counts.reshape(len(bins), -1) / bins.shape[1]
    return np.asarray(shares, dtype=np.float32)


def _layout(frame: Frame) -> Float32[np.ndarray, " C"]:
    """The brightness of 16 x 16 parts of the frame, of mean 0 and length 1; zeros for a blank
    one.
    """
    small = cv2.resize(frame.image, (_LAYOUT_PX, _LAYOUT_PX), interpolation=cv2.INTER_AREA)
    brightness = small.astype(np.float32).sum(axis=2).ravel()
    # A change of the light alone leaves this the same.
    brightness -= brightness.mean()
    length = max(float(np.linalg.norm(brightness)), 1e-6)
    return np.asarray(brightness / length, dtype=np.float32)
