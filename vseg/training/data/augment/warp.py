"""Where each output pixel is taken from: affine maps and a spline, composed and then sampled
once.

Enters: an image, a mask or both, and a SamplingMap.  Leaves: a window of the output.  An image
and its mask are sampled at the same points, so the mask stays exact.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8

from vseg.synthetic.raster import PixelBox
from vseg.training.data.augment.thin_plate_spline import ThinPlateSpline

Affine = Float64[np.ndarray, "3 3"]

# A spline is evaluated once for a cell of so many pixels and is linear in between, on average
# within 0.15 pixels of the exact one (tests/unit/training/data/augment).
_CELL = 8


@dataclass(frozen=True, slots=True)
class MotionRange:
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


def translation(offset: Float64[np.ndarray, " 2"]) -> Affine:
    """The map that moves everything by `offset`."""
    matrix = np.eye(3)
    matrix[:2, 2] = offset
    return matrix


def around_point(centre: Float64[np.ndarray, " 2"], matrix: Affine) -> Affine:
    """`matrix` applied around `centre`."""
    return np.asarray(translation(centre) @ matrix @ translation(-centre))


def draw_affine(rng: np.random.Generator, motion: MotionRange, side: int) -> Affine:
    """A random affine map within `motion`, in pixels of a square image."""
    angle = np.deg2rad(rng.uniform(-1, 1) * motion.rotation)
    zoom = np.exp(rng.uniform(-1, 1) * motion.zoom + rng.uniform(-0.3, 0.3, 2) * motion.zoom)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1.0, rng.uniform(-1, 1) * motion.shear], [0.0, 1.0]])
    matrix = np.eye(3)
    matrix[:2, :2] = turn @ shear @ np.diag(zoom)
    matrix[:2, 2] = rng.uniform(-1, 1, 2) * motion.shift * side
    return matrix


def random_walk(
    rng: np.random.Generator, motion: MotionRange, side: int, steps: int
) -> list[Affine]:
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
class SamplingMap:
    """From output pixels to the unit square of the spline, through it at `time`, on to source
    pixels.
    """

    to_unit: Affine
    to_source: Affine
    spline: ThinPlateSpline | None = None
    time: float = 0.0

    def source_points(self, window: PixelBox) -> Float32[np.ndarray, "h w 2"]:
        """For each pixel of the output window the (x, y) in the source that is shown there."""
        xs, left = _cell_centres(window.x1, window.x2)
        ys, top = _cell_centres(window.y1, window.y2)
        nodes = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
        unit = nodes @ self.to_unit[:2, :2].T + self.to_unit[:2, 2]
        if self.spline is not None:
            unit = self.spline.displaced(unit, self.time)
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


def frame_map(
    step: Affine, base: Affine, side: int, deformation: tuple[ThinPlateSpline, float] | None
) -> SamplingMap:
    """The sampling of a whole image: `base` carries it to the frame, `step` moves it there.

    deformation: a spline of the frame's unit square and its time; it moves along with the
    image.
    """
    unit = np.diag([float(side), float(side), 1.0])
    spline, time = deformation if deformation is not None else (None, 0.0)
    return SamplingMap(np.linalg.inv(step @ unit), np.linalg.inv(base) @ unit, spline, time)


def warp(
    image: UInt8[np.ndarray, "H W 3"],
    mask: UInt8[np.ndarray, "H W"],
    sampling: SamplingMap,
    side: int,
) -> tuple[UInt8[np.ndarray, "S S 3"], UInt8[np.ndarray, "S S"]]:
    """Image and label map on the square frame; beyond the source both are mirrored."""
    size = (side, side)
    border = cv2.BORDER_REFLECT_101
    if sampling.spline is None:
        # Without a spline the map is affine, for which OpenCV needs no point per pixel.
        matrix = (sampling.to_source @ sampling.to_unit)[:2]
        smooth = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        nearest = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        source = cv2.warpAffine(image, matrix, size, flags=smooth, borderMode=border)
        label = cv2.warpAffine(mask, matrix, size, flags=nearest, borderMode=border)
    else:
        points = sampling.source_points(PixelBox(0, 0, side, side))
        source = resampled(image, points, cv2.INTER_LINEAR, border)
        label = resampled(mask, points, cv2.INTER_NEAREST, border)
    return np.asarray(source, dtype=np.uint8), np.asarray(label, dtype=np.uint8)


def resampled(
    source: UInt8[np.ndarray, "..."],
    points: Float32[np.ndarray, "h w 2"],
    flag: int,
    border: int,
) -> UInt8[np.ndarray, "..."]:
    """The source at the (x, y) of each output pixel; a constant border is 0."""
    xs, ys = cv2.split(points)
    return np.asarray(cv2.remap(source, xs, ys, flag, borderMode=border), dtype=np.uint8)
