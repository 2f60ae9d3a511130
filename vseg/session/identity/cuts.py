"""Where one shot ends and the next begins.

Enters: frames in order.  Leaves: whether a frame begins a new shot.  Colour histograms of nine
parts of the image are compared with the frame before (Boreczky and Rowe 1996 found block
histograms the most reliable of the simple methods); a cut is a large change that is also far
above the changes just before, and the image shows something else: a fade or a lamp changes the
colours alone.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from vseg.types import Frame

_BINS = 6
_PARTS = 3
_SIDE_PX = 96


@dataclass(frozen=True, slots=True)
class FrameSignature:
    """A frame as the detector remembers it.

    outline: its brightness in small, of mean 0 and length 1.  usual: the changes before it,
    averaged.
    """

    frame_index: int
    histograms: Float32[np.ndarray, "P B"]
    outline: Float32[np.ndarray, " C"]
    usual: float
    cut: bool


@dataclass(frozen=True, slots=True)
class CutRule:
    """A cut changes at least `least` of the histograms' mass, and `factor` times as much as
    usual.

    alike: two outlines of a larger cosine show the same.
    """

    least: float = 0.42
    factor: float = 3.0
    alike: float = 0.8


def frame_signature(
    frame: Frame, before: FrameSignature | None, rule: CutRule
) -> FrameSignature:
    """What is remembered of the frame, and whether it begins a new shot.

    A frame that does not follow or precede `before` directly begins nothing: there is nothing
    to compare.
    """
    if before is not None and before.frame_index == frame.index:
        return before
    drawn = _histograms(frame)
    outline = _outline(frame)
    if before is None or abs(before.frame_index - frame.index) != 1:
        return FrameSignature(frame.index, drawn, outline, 0.0, False)
    change = 1 - float(np.minimum(drawn, before.histograms).sum()) / len(drawn)
    cut = change >= max(rule.least, rule.factor * before.usual)
    cut = cut and float(outline @ before.outline) < rule.alike
    usual = before.usual if cut else 0.8 * before.usual + 0.2 * change
    return FrameSignature(frame.index, drawn, outline, usual, cut)


def _histograms(frame: Frame) -> Float32[np.ndarray, "P B"]:
    """Colour histograms of the parts of a small copy; each sums to 1."""
    small = cv2.resize(frame.image, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    side = _SIDE_PX // _PARTS
    parts = small.reshape(_PARTS, side, _PARTS, side, 3).transpose(0, 2, 1, 3, 4)
    levels = parts.reshape(_PARTS * _PARTS, -1, 3).astype(np.int64) * _BINS // 256
    bins = levels @ np.array([_BINS * _BINS, _BINS, 1])
    offset = np.arange(len(bins))[:, None] * _BINS**3
    counts = np.bincount((bins + offset).ravel(), minlength=len(bins) * _BINS**3)
    shares = counts.reshape(len(bins), -1) / bins.shape[1]
    return np.asarray(shares, dtype=np.float32)


def _outline(frame: Frame) -> Float32[np.ndarray, " C"]:
    """The brightness of 16 x 16 parts of the frame, of mean 0 and length 1; zeros for a blank
    one.
    """
    small = cv2.resize(frame.image, (16, 16), interpolation=cv2.INTER_AREA)
    light = small.astype(np.float32).sum(axis=2).ravel()
    light -= light.mean()
    return np.asarray(light / max(float(np.linalg.norm(light)), 1e-6), dtype=np.float32)
