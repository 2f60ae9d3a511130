"""One more thing in the footage: a cut-out on its way, before or behind what is already there.

Enters: footage and a Layer.  Leaves: the footage with the layer painted into every image and
its label written where it is what one sees there (alpha over a half); what it hides loses its
label.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64, UInt8

from vseg.synthetic.raster import Window, bounds
from vseg.training.data.augment.cutouts import Cutout
from vseg.training.data.augment.thin_plate_spline import Bend
from vseg.training.data.augment.warp import Affine, Route, about, sampled, shifted
from vseg.training.data.clip import Footage

_MAX_SMEAR_PX = 10.0


@dataclass(frozen=True, slots=True)
class Layer:
    """A cut-out and, per image, its map to the frame.  label 0: it hides and is not followed.

    behind: every labelled object stays in front of it.  shutter: share of its way to the next
    image over which it is smeared.  shadow: how far its soft shadow falls, in pixels, (0, 0)
    for none.
    """

    cutout: Cutout
    path: tuple[Affine, ...]
    label: int = 0
    bend: Bend | None = None
    behind: bool = False
    shutter: float = 0.0
    shadow: tuple[int, int] = (0, 0)


def path_through(
    cutout: Cutout, places: Float64[np.ndarray, "T 2"], poses: list[Affine]
) -> tuple[Affine, ...]:
    """Maps that put the cut-out's middle at each place of the frame, posed around it."""
    return tuple(
        np.asarray(about(place, pose) @ shifted(place - cutout.centre))
        for place, pose in zip(places, poses, strict=True)
    )


def paste(footage: Footage, layer: Layer) -> Footage:
    """The footage with the layer in every image; the one given is left as it is."""
    images = []
    labels = []
    for time in range(len(footage.images)):
        image = footage.images[time].copy()
        label = footage.labels[time].copy()
        _paint(image, label, layer, time)
        images.append(image)
        labels.append(label)
    return Footage(tuple(images), tuple(labels))


def _paint(
    image: UInt8[np.ndarray, "S S 3"], label: UInt8[np.ndarray, "S S"], layer: Layer, time: int
) -> None:
    """Draw the layer as it is at image `time` into image and labels, in place."""
    side = len(label)
    frame = Window(0, 0, side, side)
    drift = _drift(layer, time)
    margin = 2 + math.ceil(float(np.abs(drift).max())) + max(abs(v) for v in layer.shadow)
    seen = bounds([_corners(layer, time)], margin).clip(side, side, 0)
    if seen.empty:
        return
    colours, alpha = _seen(layer, time, seen)
    place = seen.inside(frame)
    if layer.behind:
        # Soft like the alpha itself, or the front object would get a jagged edge.
        free = cv2.GaussianBlur((label[place] == 0).astype(np.uint8) * 255, (3, 3), 0)
        alpha = np.asarray(cv2.multiply(alpha, free, scale=1 / 255), dtype=np.uint8)
        label[place][(alpha > 127) & (label[place] == 0)] = layer.label
    else:
        label[place][alpha > 127] = layer.label
    if layer.shadow != (0, 0):
        image[place] = _shaded(image[place], alpha, layer.shadow)
    share = _smeared(alpha, drift).astype(np.float32) / 255
    near = _smeared(colours, drift)
    far = np.ascontiguousarray(image[place])
    image[place] = cv2.blendLinear(near, far, share, 1 - share)


def _corners(layer: Layer, time: int) -> Float64[np.ndarray, "N 2"]:
    """The crop's outline in the frame, with room for its bend."""
    h, w = layer.cutout.alpha.shape
    room = 0.12 if layer.bend is not None else 0.0
    xs = np.array([-room, 1 + room]) * w
    ys = np.array([-room, 1 + room]) * h
    corners = np.array([[x, y, 1.0] for x in xs for y in ys])
    return np.asarray((corners @ layer.path[time].T)[:, :2])


def _seen(
    layer: Layer, time: int, window: Window
) -> tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"]]:
    """Colours and alpha of the layer on a window of the frame."""
    h, w = layer.cutout.alpha.shape
    unit = np.diag([float(w), float(h), 1.0])
    route = Route(np.linalg.inv(layer.path[time] @ unit), unit, layer.bend, float(time))
    places = route.places(window)
    colours = sampled(layer.cutout.colours, places, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
    return colours, sampled(layer.cutout.alpha, places, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)


def _drift(layer: Layer, time: int) -> Float64[np.ndarray, " 2"]:
    """How far the layer moves while the shutter is open, in pixels."""
    if layer.shutter == 0:
        return np.zeros(2)
    middle = np.array([*layer.cutout.centre, 1.0])
    first = min(time, len(layer.path) - 2)
    way = ((layer.path[first + 1] - layer.path[first]) @ middle)[:2] * layer.shutter
    return np.asarray(way * min(1.0, _MAX_SMEAR_PX / max(float(np.hypot(*way)), 1e-9)))


def _smeared(image: UInt8[np.ndarray, "..."], drift: Float64[np.ndarray, " 2"]) -> np.ndarray:
    return image if float(np.hypot(*drift)) < 1.5 else smeared(image, drift)


def smeared(
    image: UInt8[np.ndarray, "..."], drift: Float64[np.ndarray, " 2"]
) -> UInt8[np.ndarray, "..."]:
    """The image averaged along `drift` pixels: motion blur."""
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
    gain = cv2.merge([cv2.convertScaleAbs(fallen, alpha=-0.2, beta=128)] * 3)
    return np.asarray(cv2.multiply(image, gain, scale=1 / 128), dtype=np.uint8)
