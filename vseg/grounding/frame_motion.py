"""Motion between two frames: how fast a mask moves, and which regions of a frame do.

Enters: a frame and an adjacent one.  Leaves: speeds in object sizes per second, and regions
that move against the camera.  Dense inverse search (Kroeger et al. 2016) gives the flow, a
small image suffices; the camera is the affine map that most of the flow follows (RANSAC).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from vseg.types import Frame, MaskCrop

_SIDE = 320
"""Longest side of the images that are compared, in pixels; not tuned."""
_LEAST_SIDE = 16
"""Least side of an image that the flow search accepts, in pixels."""
_GRID = 8
"""Every so many pixels the flow is sampled for the camera's motion."""
_LEAST_PX = 0.7
"""Pixels of the small image: less is the noise of the flow."""
_SPEED = 0.1
"""Object sizes per second from which an object counts as moving; a round value, not tuned."""
_AROUND = 0.3
"""Width of an object's surroundings, in its sizes; not tuned."""
_MIN_SHARE = 0.002
"""Share of the frame below which a moving region is noise; not tuned."""
_MOST_REGIONS = 20
"""Bounds what is decoded of a frame on which everything moves; a round value."""


@dataclass(frozen=True, slots=True)
class FrameMotion:
    """flow: displacement of every pixel of the small image, in its pixels.  own: less the
    camera's.  scale: small pixels per pixel of the frame.  gap_s: time between the
    two frames.
    """

    flow: Float32[np.ndarray, "h w 2"]
    own: Float32[np.ndarray, "h w 2"]
    scale: float
    gap_s: float

    @property
    def moves(self) -> Bool[np.ndarray, "h w"]:
        """Where the flow against the camera is more than noise."""
        return np.asarray(np.hypot(self.own[..., 0], self.own[..., 1]) > _LEAST_PX, dtype=bool)


def motion_between(frame: Frame, adjacent: Frame | None) -> FrameMotion | None:
    """The motion from `frame` to `adjacent`; None without a frame at another time."""
    if adjacent is None or adjacent.time_s == frame.time_s:
        return None
    h, w = frame.hw
    scale = min(1.0, _SIDE / max(h, w))
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = search.calc(_small(frame.image, size), _small(adjacent.image, size), None)  # type: ignore[call-overload]
    displacement = np.asarray(flow, dtype=np.float32)
    own = displacement - _camera(displacement)
    unpadded = np.s_[: size[1], : size[0]]
    return FrameMotion(
        displacement[unpadded], own[unpadded], scale, abs(adjacent.time_s - frame.time_s)
    )


def is_moving(motion: FrameMotion, crop: MaskCrop) -> bool:
    """Whether an object moves against its surroundings by a tenth of its size per second, and
    by more than noise.
    """
    h, w = motion.flow.shape[:2]
    mask = _shrunk(crop, motion.scale, (h, w))
    size = float(np.sqrt(mask.sum()))
    reach = 2 * max(2, round(_AROUND * size)) + 1
    wide = cv2.dilate(mask.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    ring = wide & ~mask
    if not mask.any() or not ring.any():
        return False
    relative = np.median(motion.flow[mask], axis=0) - np.median(motion.flow[ring], axis=0)
    pixels = float(np.hypot(*relative))
    return pixels > _LEAST_PX and pixels / size > _SPEED * motion.gap_s


def moving_boxes(motion: FrameMotion) -> Float64[np.ndarray, "N 4"]:
    """The boxes, in pixels of the frame, of connected regions that move against the camera;
    largest first.
    """
    moves = motion.moves.astype(np.uint8)
    opened = cv2.morphologyEx(moves, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(closed)
    regions = sorted(stats[1:].tolist(), key=lambda r: -r[cv2.CC_STAT_AREA])
    large = [r for r in regions if r[cv2.CC_STAT_AREA] >= _MIN_SHARE * moves.size]
    boxes = [(x, y, x + w, y + h) for x, y, w, h, _ in large[:_MOST_REGIONS]]
    return np.array(boxes, np.float64).reshape(-1, 4) / motion.scale


def moving_shares(motion: FrameMotion, crops: Sequence[MaskCrop]) -> Float64[np.ndarray, " N"]:
    """The share of each mask that moves against the camera."""
    moves = motion.moves
    masks = [_shrunk(crop, motion.scale, moves.shape) for crop in crops]
    return np.array([moves[mask].mean() if mask.any() else 0.0 for mask in masks], np.float64)


def _camera(flow: Float32[np.ndarray, "h w 2"]) -> Float32[np.ndarray, "h w 2"]:
    """The flow of the camera alone: an affine map of the image, zero if none fits."""
    h, w = flow.shape[:2]
    y, x = np.mgrid[_GRID // 2 : h : _GRID, _GRID // 2 : w : _GRID]
    before = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
    after = before + flow[y.ravel(), x.ravel()]
    fitted, _ = cv2.estimateAffine2D(before, after, ransacReprojThreshold=1.0)
    if fitted is None:
        return np.zeros_like(flow)
    rows, columns = np.mgrid[0:h, 0:w].astype(np.float32)
    mapped = fitted @ np.stack([columns.ravel(), rows.ravel(), np.ones(h * w)])
    moved = mapped.T.reshape(h, w, 2) - np.stack([columns, rows], axis=2)
    return np.asarray(moved, dtype=np.float32)


def _small(
    image: UInt8[np.ndarray, "H W 3"], size: tuple[int, int]
) -> UInt8[np.ndarray, "h w"]:
    """The grey image at (width, height) `size`; its edge is repeated where the flow needs
    more.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    right, below = (max(0, _LEAST_SIDE - side) for side in size)
    padded = cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(padded, dtype=np.uint8)


def _shrunk(crop: MaskCrop, scale: float, hw: tuple[int, ...]) -> Bool[np.ndarray, "h w"]:
    """The mask on the small image."""
    h, w = hw
    y, x = np.nonzero(crop.mask)
    mask = np.zeros((h, w), dtype=bool)
    rows = ((y + crop.y) * scale).astype(int)
    columns = ((x + crop.x) * scale).astype(int)
    mask[rows.clip(0, h - 1), columns.clip(0, w - 1)] = True
    return mask
