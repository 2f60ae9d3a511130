"""Where each output pixel is taken from: affine maps and bends, composed and then sampled
once.

Enters: an image, a mask or both, and a Route.  Leaves: a window of the output.  An image and
its mask go the same route, so the mask stays exact.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8

from vseg.synthetic.raster import Window
from vseg.training.data.augment.thin_plate_spline import Bend

Affine = Float64[np.ndarray, "3 3"]

_CELL = 8  # a bend is worked out for every so many pixels and is linear between them


@dataclass(frozen=True, slots=True)
class Motion:
    """Largest change per step: shift as a share of the side, rotation in degrees, zoom and
    shear.
    """

    shift: float
    rotation: int | float
    zoom: float
    shear: float


def placed(
    zoom: float, source: Float64[np.ndarray, " 2"], target: Float64[np.ndarray, " 2"]
) -> Affine:
    """The map that enlarges by `zoom` and carries the point `source` to `target`."""
    matrix = np.diag([zoom, zoom, 1.0])
    matrix[:2, 2] = target - zoom * source
    return matrix


def shifted(offset: Float64[np.ndarray, " 2"]) -> Affine:
    """The map that moves everything by `offset`."""
    matrix = np.eye(3)
    matrix[:2, 2] = offset
    return matrix


def about(centre: Float64[np.ndarray, " 2"], matrix: Affine) -> Affine:
    """`matrix` applied around `centre`."""
    there = np.eye(3)
    back = np.eye(3)
    there[:2, 2], back[:2, 2] = centre, -centre
    return np.asarray(there @ matrix @ back)


def draw_affine(rng: np.random.Generator, motion: Motion, side: int) -> Affine:
    """A random affine map within `motion`, in pixels of a square image."""
    angle = np.deg2rad(rng.uniform(-1, 1) * motion.rotation)
    zoom = np.exp(rng.uniform(-1, 1) * motion.zoom + rng.uniform(-0.3, 0.3, 2) * motion.zoom)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1.0, rng.uniform(-1, 1) * motion.shear], [0.0, 1.0]])
    matrix = np.eye(3)
    matrix[:2, :2] = turn @ shear @ np.diag(zoom)
    matrix[:2, 2] = rng.uniform(-1, 1, 2) * motion.shift * side
    return matrix


def walk(rng: np.random.Generator, motion: Motion, side: int, steps: int) -> list[Affine]:
    """`steps` maps, the first the identity, each a small random change of the one before.

    Half of the change is a drift that keeps its direction, as real motion does.
    """
    drift = draw_affine(rng, motion, side)
    maps = [np.eye(3)]
    for _ in range(steps - 1):
        change = 0.5 * (drift + draw_affine(rng, motion, side))
        maps.append(change @ maps[-1])
    return maps


@dataclass(frozen=True, slots=True)
class Route:
    """From output pixels to the unit square of the bend, through it at `time`, on to source
    pixels.
    """

    to_unit: Affine
    to_source: Affine
    bend: Bend | None = None
    time: float = 0.0

    def places(self, window: Window) -> Float32[np.ndarray, "h w 2"]:
        """For each pixel of the output window the (x, y) in the source that is seen there."""
        xs, left = _cell_centres(window.x1, window.x2)
        ys, top = _cell_centres(window.y1, window.y2)
        nodes = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
        unit = nodes @ self.to_unit[:2, :2].T + self.to_unit[:2, 2]
        if self.bend is not None:
            unit = self.bend.moved(unit, self.time)
        source = unit @ self.to_source[:2, :2].T + self.to_source[:2, 2]
        coarse = source.reshape(len(ys), len(xs), 2).astype(np.float32)
        size = (_CELL * len(xs), _CELL * len(ys))
        fine = cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)
        height = window.y2 - window.y1
        width = window.x2 - window.x1
        return np.ascontiguousarray(fine[top : top + height, left : left + width])


def _cell_centres(start: int, stop: int) -> tuple[Float64[np.ndarray, " n"], int]:
    """Centres of the cells over [start, stop), and where `start` lies after the first one's
    edge.

    The cells are the same for every window of the frame.  There is one more on each side,
    because cv2.resize knows nothing beyond the outermost centres.
    """
    first = start // _CELL - 1
    last = -(-stop // _CELL) + 1
    return _CELL * (np.arange(first, last) + 0.5) - 0.5, start - _CELL * first


def frame_route(
    step: Affine, base: Affine, side: int, swing: tuple[Bend, float] | None
) -> Route:
    """The route of a whole image: `base` carries it to the frame, `step` moves it there.

    swing: a bend of the frame's unit square and its time; it moves along with the image.
    """
    unit = np.diag([float(side), float(side), 1.0])
    bend, time = swing if swing is not None else (None, 0.0)
    return Route(np.linalg.inv(step @ unit), np.linalg.inv(base) @ unit, bend, time)


def warp(
    image: UInt8[np.ndarray, "H W 3"],
    mask: UInt8[np.ndarray, "H W"],
    route: Route,
    side: int,
) -> tuple[UInt8[np.ndarray, "S S 3"], UInt8[np.ndarray, "S S"]]:
    """Image and label map on the square frame; beyond the source both are mirrored."""
    size = (side, side)
    border = cv2.BORDER_REFLECT_101
    if route.bend is None:
        matrix = (route.to_source @ route.to_unit)[:2]
        smooth, nearest = (
            f | cv2.WARP_INVERSE_MAP for f in (cv2.INTER_LINEAR, cv2.INTER_NEAREST)
        )
        source = cv2.warpAffine(image, matrix, size, flags=smooth, borderMode=border)
        label = cv2.warpAffine(mask, matrix, size, flags=nearest, borderMode=border)
    else:
        places = route.places(Window(0, 0, side, side))
        source = sampled(image, places, cv2.INTER_LINEAR, border)
        label = sampled(mask, places, cv2.INTER_NEAREST, border)
    return np.asarray(source, dtype=np.uint8), np.asarray(label, dtype=np.uint8)


def sampled(
    source: UInt8[np.ndarray, "..."],
    places: Float32[np.ndarray, "h w 2"],
    flag: int,
    border: int,
) -> UInt8[np.ndarray, "..."]:
    """The source at the (x, y) of each output pixel; a constant border is 0."""
    xs, ys = cv2.split(places)
    found = cv2.remap(source, xs, ys, flag, borderMode=border)
    return np.asarray(found, dtype=np.uint8)
