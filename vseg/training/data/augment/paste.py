"""Pastes a cut-out into a clip, along a path, before or behind what is already there.

Enters: a clip and a Layer.  Leaves: the clip with the layer painted into every image and its
label written where it is visible (alpha over a half); what it hides loses its label.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64, UInt8

from vseg.synthetic.raster import PixelBox, bounds
from vseg.training.data.augment.cutouts import Cutout
from vseg.training.data.augment.thin_plate_spline import ThinPlateSpline
from vseg.training.data.augment.warp import (
    Affine,
    SamplingMap,
    around_point,
    resampled,
    translation,
)
from vseg.training.data.clip import Clip

# Motion blur ends here, so that a fast object stays recognisable; below the least, a blur
# would change nothing.  Round values; not tuned.
_MAX_BLUR_PX = 10.0
_MIN_BLUR_PX = 1.5
# Room around a layer for its spline, in shares of its size: four times the largest strength.
_SPLINE_MARGIN = 0.12


@dataclass(frozen=True, slots=True)
class Layer:
    """A cut-out and, per image, its map to the frame.  label 0: it hides and is not followed.

    behind: every labelled object stays in front of it.  shutter: share of its way to the next
    image over which it is blurred.  shadow: the offset of its soft shadow, in pixels, (0, 0)
    for none.
    """

    cutout: Cutout
    path: tuple[Affine, ...]
    label: int = 0
    spline: ThinPlateSpline | None = None
    behind: bool = False
    shutter: float = 0.0
    shadow: tuple[int, int] = (0, 0)


def path_through(
    cutout: Cutout, places: Float64[np.ndarray, "T 2"], poses: list[Affine]
) -> tuple[Affine, ...]:
    """Maps that put the cut-out's centre at each place of the frame, posed around it."""
    return tuple(
        np.asarray(around_point(place, pose) @ translation(place - cutout.centre))
        for place, pose in zip(places, poses, strict=True)
    )


def paste(clip: Clip, layer: Layer) -> Clip:
    """The clip with the layer in every image; the given one is left as it is."""
    images = []
    labels = []
    for time in range(len(clip.images)):
        image = clip.images[time].copy()
        label = clip.labels[time].copy()
        _paint(image, label, layer, time)
        images.append(image)
        labels.append(label)
    return Clip(tuple(images), tuple(labels))


def _paint(
    image: UInt8[np.ndarray, "S S 3"], label: UInt8[np.ndarray, "S S"], layer: Layer, time: int
) -> None:
    """Draw the layer as it is at image `time` into image and labels, in place."""
    side = len(label)
    frame = PixelBox(0, 0, side, side)
    drift = _drift(layer, time)
    margin = 2 + math.ceil(float(np.abs(drift).max())) + max(abs(v) for v in layer.shadow)
    visible = bounds([_corners(layer, time)], margin).clip(side, side, 0)
    if visible.empty:
        return
    colours, alpha = _rendered(layer, time, visible)
    place = visible.inside(frame)
    if layer.behind:
        # Soft like the alpha itself, or the front object would get a jagged edge.
        free = cv2.GaussianBlur((label[place] == 0).astype(np.uint8) * 255, (3, 3), 0)
        alpha = np.asarray(cv2.multiply(alpha, free, scale=1 / 255), dtype=np.uint8)
        label[place][(alpha > 127) & (label[place] == 0)] = layer.label
    else:
        label[place][alpha > 127] = layer.label
    if layer.shadow != (0, 0):
        image[place] = _shaded(image[place], alpha, layer.shadow)
    share = _shutter_blurred(alpha, drift).astype(np.float32) / 255
    foreground = _shutter_blurred(colours, drift)
    background = np.ascontiguousarray(image[place])
    image[place] = cv2.blendLinear(foreground, background, share, 1 - share)


def _corners(layer: Layer, time: int) -> Float64[np.ndarray, "N 2"]:
    """The cut-out's corners in the frame, with room for its spline."""
    h, w = layer.cutout.alpha.shape
    margin = _SPLINE_MARGIN if layer.spline is not None else 0.0
    xs = np.array([-margin, 1 + margin]) * w
    ys = np.array([-margin, 1 + margin]) * h
    corners = np.array([[x, y, 1.0] for x in xs for y in ys])
    return np.asarray((corners @ layer.path[time].T)[:, :2])


def _rendered(
    layer: Layer, time: int, window: PixelBox
) -> tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"]]:
    """Colours and alpha of the layer on a window of the frame."""
    h, w = layer.cutout.alpha.shape
    unit = np.diag([float(w), float(h), 1.0])
    to_unit = np.linalg.inv(layer.path[time] @ unit)
    points = SamplingMap(to_unit, unit, layer.spline, float(time)).source_points(window)
    cutout = layer.cutout
    colours = resampled(cutout.colours, points, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
    alpha = resampled(cutout.alpha, points, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
    return colours, alpha


def _drift(layer: Layer, time: int) -> Float64[np.ndarray, " 2"]:
    """How far the layer moves while the shutter is open, in pixels."""
    if layer.shutter == 0:
        return np.zeros(2)
    middle = np.array([*layer.cutout.centre, 1.0])
    first = min(time, len(layer.path) - 2)
    way = ((layer.path[first + 1] - layer.path[first]) @ middle)[:2] * layer.shutter
    return np.asarray(way * min(1.0, _MAX_BLUR_PX / max(float(np.hypot(*way)), 1e-9)))


def _shutter_blurred(
    image: UInt8[np.ndarray, "..."], drift: Float64[np.ndarray, " 2"]
) -> np.ndarray:
    return image if float(np.hypot(*drift)) < _MIN_BLUR_PX else motion_blurred(image, drift)


def motion_blurred(
    image: UInt8[np.ndarray, "..."], drift: Float64[np.ndarray, " 2"]
) -> UInt8[np.ndarray, "..."]:
    """The image averaged along a line of `drift` pixels."""
    reach = max(1, math.ceil(float(np.abs(drift).max()) / 2))
    line = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    ends = np.rint(reach + np.stack([-drift, drift]) / 2).astype(int)
    cv2.line(line, ends[0].tolist(), ends[1].tolist(), 1.0, 1, cv2.LINE_AA)
    blurred = cv2.filter2D(image, -1, line / line.sum(), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, dtype=np.uint8)


def _shaded(
    image: UInt8[np.ndarray, "h w 3"], alpha: UInt8[np.ndarray, "h w"], shift: tuple[int, int]
) -> UInt8[np.ndarray, "h w 3"]:
    """The image darkened where the layer's soft shadow falls."""
    width = 2 * max(abs(v) for v in shift) + 1
    moved = np.array([[1.0, 0, shift[0]], [0, 1.0, shift[1]]])
    size = (alpha.shape[1], alpha.shape[0])
    fallen = cv2.blur(cv2.warpAffine(alpha, moved, size), (width, width))
    # Fixed point with 128 as 1: in full shadow 128 - 0.2 * 255 = 77, a gain of 0.6.
    gain = cv2.merge([cv2.convertScaleAbs(fallen, alpha=-0.2, beta=128)] * 3)
    return np.asarray(cv2.multiply(image, gain, scale=1 / 128), dtype=np.uint8)
