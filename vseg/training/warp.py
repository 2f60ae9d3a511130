"""Random geometry: affine walks and smooth deformations of one picture and its mask."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64, UInt8

Affine = Float64[np.ndarray, "3 3"]


@dataclass(frozen=True, slots=True)
class Motion:
    """Largest change per step: shift as a share of the side, rotation in degrees, zoom and shear."""

    shift: float
    rotation: int | float
    zoom: float
    shear: float


def about(centre: tuple[float, float], matrix: Affine) -> Affine:
    """`matrix` applied around `centre`."""
    there, back = np.eye(3), np.eye(3)
    there[:2, 2], back[:2, 2] = centre, (-centre[0], -centre[1])
    return np.asarray(there @ matrix @ back)


def draw_affine(rng: np.random.Generator, motion: Motion, side: int) -> Affine:
    """A random affine map within `motion`, in pixels of a square picture."""
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


def warp(
    image: UInt8[np.ndarray, "H W 3"],
    mask: UInt8[np.ndarray, "H W"],
    matrix: Affine,
    side: int,
    border: int = cv2.BORDER_REFLECT_101,
) -> tuple[UInt8[np.ndarray, "S S 3"], UInt8[np.ndarray, "S S"]]:
    """Picture and mask seen through `matrix` (source to output pixels).  Outside the source: no object."""
    size = (side, side)
    shrink = abs(np.linalg.det(matrix[:2, :2])) < 0.5
    flag = cv2.INTER_AREA if shrink else cv2.INTER_LINEAR
    picture = cv2.warpAffine(image, matrix[:2], size, flags=flag, borderMode=border)
    label = cv2.warpAffine(mask, matrix[:2], size, flags=cv2.INTER_NEAREST, borderMode=border)
    return np.asarray(picture, dtype=np.uint8), np.asarray(label, dtype=np.uint8)


def bend(
    image: UInt8[np.ndarray, "S S 3"],
    mask: UInt8[np.ndarray, "S S"],
    rng: np.random.Generator,
    strength: float,
) -> tuple[UInt8[np.ndarray, "S S 3"], UInt8[np.ndarray, "S S"]]:
    """Both under a smooth random displacement of about `strength` of the side (a coarse grid, bicubic)."""
    side = len(mask)
    knots = rng.normal(0, strength * side, (5, 5, 2)).astype(np.float32)
    field = cv2.resize(knots, (side, side), interpolation=cv2.INTER_CUBIC)
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).astype(np.float32)
    xs, ys = (np.ascontiguousarray(plane) for plane in np.moveaxis(grid + field, 2, 0))
    border = cv2.BORDER_REFLECT_101
    picture = cv2.remap(image, xs, ys, cv2.INTER_LINEAR, borderMode=border)
    label = cv2.remap(mask, xs, ys, cv2.INTER_NEAREST, borderMode=border)
    return np.asarray(picture, dtype=np.uint8), np.asarray(label, dtype=np.uint8)
