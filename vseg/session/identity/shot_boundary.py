"""Shot boundaries: where one shot ends and the next begins.

Enters: frames in order.  Leaves: whether a frame begins a new shot.  Colour histograms of nine
parts of the frame are compared with those of the frame before (Boreczky and Rowe 1996 found
block histograms the most reliable of the simple methods).  A cut is a large change that is
also far above the changes just before.  What we changed: the layout of the brightness must
differ too, for a fade or a lamp changes the colours alone; and no part of the scene may have
stayed, for where frames are skipped, all that moves has moved far, but a cut leaves nothing.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from vseg.ops.shrunk import shrunk
from vseg.types import Frame

# Levels of a colour channel, so 216 bins; blocks along a side; sides of the small copies that
# are compared.  Round values; not tuned.
_LEVELS = 6
_BLOCKS = 3
_SIDE_PX = 96
_LAYOUT_PX = 16
# Cells whose detail is compared: their side, the least deviation of colour (of 255) that is
# detail and not noise, the correlation and the ratio of deviations from which they show the
# same, and by how much the common change of brightness may be missed.  Round values.
_CELL_PX = 8
_DETAIL = 4.0
_SAME_CORRELATION = 0.9
_SAME_DEVIATION = 0.5
_SAME_BRIGHTNESS = 16.0
# ITU-R BT.709 has black at 16 of 255; noise of codecs lies above it.
_BLACK = 24


@dataclass(frozen=True, slots=True)
class FrameSignature:
    """What is kept of a frame, to compare the next one with.

    histograms: of the blocks, summing to 1.  layout: the brightness of a small copy, of mean 0
    and length 1.  small: a larger copy.  mean_change: running mean of the changes before.
    cut: whether the frame begins a new shot.
    """

    frame_index: int
    histograms: Float32[np.ndarray, "P B"]
    layout: Float32[np.ndarray, " C"]
    small: UInt8[np.ndarray, "S S 3"]
    mean_change: float
    cut: bool


@dataclass(frozen=True, slots=True)
class CutRule:
    """When a change is a cut.

    least: share of the histograms' mass that changes.  factor: how many times the mean change.
    layout_cosine: frames whose layouts are more similar show the same scene.  How these values
    were chosen is not recorded.  stayed: the share of cells with detail that show the same,
    from which it is one scene.  It was 0.03 at most in 810 pairs of frames from different
    clips, and 0.13 at least where a static camera skipped 29 of 30 frames.
    """

    least: float = 0.42
    factor: float = 3.0
    layout_cosine: float = 0.8
    stayed: float = 0.1


def frame_signature(
    frame: Frame, before: FrameSignature | None, rule: CutRule
) -> FrameSignature:
    """The frame's signature, with whether it begins a new shot.

    A frame that does not follow or precede `before` directly begins nothing: a change between
    them need not be a cut.
    """
    if before is not None and before.frame_index == frame.index:
        return before
    small = shrunk(frame.image, _SIDE_PX, _SIDE_PX)
    histograms = _histograms(small)
    layout = _layout(small)
    if before is None or abs(before.frame_index - frame.index) != 1:
        return FrameSignature(frame.index, histograms, layout, small, 0.0, False)
    shared = float(np.minimum(histograms, before.histograms).sum()) / len(histograms)
    change = 1 - shared
    cut = change >= max(rule.least, rule.factor * before.mean_change)
    cut = cut and float(layout @ before.layout) < rule.layout_cosine
    stayed = cut and _stayed_share(small, before.small) >= rule.stayed
    mean_change = before.mean_change
    if not cut:
        # A running mean over about five frames: short, for motion changes within a shot.
        mean_change = 0.8 * mean_change + 0.2 * change
    return FrameSignature(
        frame.index, histograms, layout, small, mean_change, cut and not stayed
    )


def _stayed_share(
    now: UInt8[np.ndarray, "S S 3"], before: UInt8[np.ndarray, "S S 3"]
) -> float:
    """The share of the cells with detail that show the same in both; 0 where there is none."""
    cells, brightness = _cells(now)
    cells_before, brightness_before = _cells(before)
    deviations = np.stack([np.sqrt(np.square(c).mean(axis=1)) for c in (cells, cells_before)])
    detailed = (deviations.max(axis=0) >= _DETAIL) & ~_barred(np.maximum(now, before))
    same = (cells * cells_before).mean(axis=1) >= _SAME_CORRELATION * deviations.prod(axis=0)
    same &= deviations.min(axis=0) >= _SAME_DEVIATION * deviations.max(axis=0)
    same &= detailed
    if not same.any():
        return 0.0
    # The exposure of a camera changes with what is before it, and all cells with it.
    brighter = brightness - brightness_before
    same &= np.abs(brighter - np.median(brighter[same])) <= _SAME_BRIGHTNESS
    return float(same.sum() / detailed.sum())


def _barred(small: UInt8[np.ndarray, "S S 3"]) -> Bool[np.ndarray, " N"]:
    """Which cells have a row or a column of a black bar: its edge is in every shot."""
    count = len(small) // _CELL_PX
    dark = small.max(axis=2) <= _BLACK
    rows = dark.all(axis=1).reshape(count, _CELL_PX).any(axis=1)
    columns = dark.all(axis=0).reshape(count, _CELL_PX).any(axis=1)
    return np.asarray((rows[:, None] | columns[None, :]).ravel(), dtype=bool)


def _cells(
    small: UInt8[np.ndarray, "S S 3"],
) -> tuple[Float32[np.ndarray, "N P"], Float32[np.ndarray, " N"]]:
    """The cells' colours without the mean colour of each, and the brightness of each."""
    count = len(small) // _CELL_PX
    cells = small.reshape(count, _CELL_PX, count, _CELL_PX, 3).transpose(0, 2, 1, 3, 4)
    colours = cells.reshape(count * count, -1, 3).astype(np.float32)
    means = colours.mean(axis=1, keepdims=True)
    detail = (colours - means).reshape(count * count, -1)
    return detail, means.mean(axis=(1, 2))


def _histograms(small: UInt8[np.ndarray, "S S 3"]) -> Float32[np.ndarray, "P B"]:
    """Colour histograms of the blocks of a small copy, summing to 1."""
    side = _SIDE_PX // _BLOCKS
    blocks = small.reshape(_BLOCKS, side, _BLOCKS, side, 3).transpose(0, 2, 1, 3, 4)
    levels = blocks.reshape(_BLOCKS * _BLOCKS, -1, 3).astype(np.int64) * _LEVELS // 256
    bins = levels @ np.array([_LEVELS * _LEVELS, _LEVELS, 1])
    # All blocks are counted at once, in ranges of bins of their own.
    offset = np.arange(len(bins))[:, None] * _LEVELS**3
    counts = np.bincount((bins + offset).ravel(), minlength=len(bins) * _LEVELS**3)
    shares = counts.reshape(len(bins), -1) / bins.shape[1]
    return np.asarray(shares, dtype=np.float32)


def _layout(small: UInt8[np.ndarray, "S S 3"]) -> Float32[np.ndarray, " C"]:
    """The brightness of 16 x 16 parts of the frame, of mean 0 and length 1; zeros for a blank
    one.
    """
    side = _SIDE_PX // _LAYOUT_PX
    parts = small.reshape(_LAYOUT_PX, side, _LAYOUT_PX, side * 3)
    # From the copy, not from the frame: that would take as long as the copy did.
    brightness = parts.sum(axis=(1, 3), dtype=np.float32).ravel()
    # A change of the light alone leaves this the same.
    brightness -= brightness.mean()
    length = max(float(np.linalg.norm(brightness)), 1e-6)
    return np.asarray(brightness / length, dtype=np.float32)
