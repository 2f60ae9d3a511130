"""Poses, outlines and surfaces in; one picture and its exact label map out.

Layers are drawn far to near.  Each is rasterised once, on a patch around it: its polygons at four
times the size give the share of every pixel it covers.  The picture blends by that share; the label
map takes the pixel where the share is over a half.  Both come from the same numbers, so an edge is
soft in the picture and yet the mask is exact.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8

from vseg.readers.scene_motion import Affine, Camera, Motion, apply, compose
from vseg.readers.scene_shape import Outline, Polygon

Image = UInt8[np.ndarray, "H W 3"]
Labels = UInt8[np.ndarray, "H W"]
Coverage = UInt8[np.ndarray, "h w"]

# Sub-pixels per pixel and side; 16 shares of a pixel are finer than what 8-bit video keeps.
SUB = 4
# cv2.fillPoly takes fixed-point coordinates with this many fractional bits.
FRACTION_BITS = 6
# The share of a frame's time in which the shutter is open.
SHUTTER = 0.35
MAX_BLUR_PX = 21.0


@dataclass(frozen=True, slots=True)
class Sprite:
    """One drawable thing.  label: its object id, 0 for something that only hides others.

    nearness: how strongly the camera's pan moves it (1 for the plane of the objects).
    """

    label: int
    outline: Outline
    surface: Image
    motion: Motion
    nearness: float = 1.0


@dataclass(frozen=True, slots=True)
class Light:
    """Where the light comes from: a unit vector in the frame; strength 0 gives flat colours."""

    x: float
    y: float
    strength: float


@dataclass(frozen=True, slots=True)
class _Window:
    """A patch of the frame's plane: left, top, right, bottom in whole pixels, right exclusive."""

    x1: int
    y1: int
    x2: int
    y2: int

    def clip(self, height: int, width: int, margin: int) -> "_Window":
        return _Window(
            max(self.x1, -margin),
            max(self.y1, -margin),
            min(self.x2, width + margin),
            min(self.y2, height + margin),
        )

    @property
    def empty(self) -> bool:
        return self.x2 <= self.x1 or self.y2 <= self.y1

    def inside(self, outer: "_Window") -> tuple[slice, slice]:
        """Where this window lies in the array of the `outer` one."""
        return (
            slice(self.y1 - outer.y1, self.y2 - outer.y1),
            slice(self.x1 - outer.x1, self.x2 - outer.x1),
        )


def draw_sprite(
    image: Image, labels: Labels, sprite: Sprite, camera: Camera, time: float, light: Light
) -> None:
    """Paint one layer into `image` and its id into `labels`, both in place."""
    height, width = labels.shape
    to_frame = compose(camera.at(time, sprite.nearness), sprite.motion.at(time))
    radius = math.sqrt(abs(float(np.linalg.det(to_frame[:, :2]))))
    drift = _drift(sprite, camera, time)
    margin = 2 + math.ceil(0.6 * radius + float(np.abs(drift).max()))
    solid = [
        apply(to_frame, p) for p in (sprite.outline.body(time), *sprite.outline.limbs_at(time))
    ]
    patch = _bounds(solid, margin).clip(height, width, margin)
    seen = patch.clip(height, width, 0)
    if patch.empty or seen.empty:
        return
    cover = _coverage(solid, sprite.outline.hole, to_frame[:, 2], patch)
    inside = seen.inside(patch)
    frame_part = seen.inside(_Window(0, 0, width, height))
    labels[frame_part][cover[inside] > 127] = sprite.label

    soft = _soften(cover, 0.45 * radius)
    colours = _shade(_surface(sprite, to_frame, patch), soft, light, radius)
    cover, colours = _smear(cover, drift), _smear(colours, drift)
    target = _shadowed(image[frame_part], soft, inside, light, 0.22 * radius)
    share = cover[inside].astype(np.float32) / 255
    image[frame_part] = cv2.blendLinear(
        np.ascontiguousarray(colours[inside]), np.ascontiguousarray(target), share, 1 - share
    )


def _drift(sprite: Sprite, camera: Camera, time: float) -> Float64[np.ndarray, " 2"]:
    """How far the sprite's origin moves in the frame while the shutter is open, in pixels."""
    places = []
    for moment in (time - SHUTTER / 2, time + SHUTTER / 2):
        places.append(compose(camera.at(moment, sprite.nearness), sprite.motion.at(moment))[:, 2])
    drift = places[1] - places[0]
    return np.asarray(drift * min(1.0, MAX_BLUR_PX / max(float(np.hypot(*drift)), 1e-9)))


def _bounds(polygons: list[Polygon], margin: int) -> _Window:
    corners = np.concatenate(polygons)
    x1, y1 = np.floor(corners.min(axis=0)).astype(int) - margin
    x2, y2 = np.ceil(corners.max(axis=0)).astype(int) + margin + 1
    return _Window(int(x1), int(y1), int(x2), int(y2))


def _coverage(
    solid: list[Polygon], hole: float, centre: Float64[np.ndarray, " 2"], patch: _Window
) -> Coverage:
    """How much of each pixel the shape covers, 0 to 255."""
    height, width = patch.y2 - patch.y1, patch.x2 - patch.x1
    fine = np.zeros((height * SUB, width * SUB), np.uint8)
    corner = np.array([patch.x1, patch.y1], dtype=np.float64)

    def fill(polygon: Polygon, level: int) -> None:
        # The centre of pixel 0 is at 0, of its first sub-pixel at -3/8: hence the half pixels.
        placed = (polygon - corner + 0.5) * SUB - 0.5
        fixed = np.rint(placed * (1 << FRACTION_BITS)).astype(np.int32)
        cv2.fillPoly(fine, [fixed], level, shift=FRACTION_BITS)

    for polygon in solid:
        fill(polygon, 255)
    if hole > 0:
        fill(centre + hole * (solid[0] - centre), 0)
    return np.asarray(cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA))


def _surface(sprite: Sprite, to_frame: Affine, patch: _Window) -> Image:
    """The sprite's texture as it lies in the patch; it moves, turns and squashes with the body."""
    half = (sprite.surface.shape[0] - 1) / 2
    from_texture = np.array([[1 / half, 0.0, -1.0], [0.0, 1 / half, -1.0]])
    from_texture *= sprite.outline.reach
    shift = np.array([[1.0, 0.0, -patch.x1], [0.0, 1.0, -patch.y1]])
    return np.asarray(
        cv2.warpAffine(
            sprite.surface,
            compose(shift, compose(to_frame, from_texture)),
            (patch.x2 - patch.x1, patch.y2 - patch.y1),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )
    )


def _soften(cover: Coverage, width_px: float) -> Coverage:
    """The coverage blurred by two boxes; its slope is what shading takes for a rounded surface."""
    side = max(3, 2 * round(width_px / 2) + 1)
    once = cv2.blur(cover, (side, side), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.blur(once, (side, side), borderType=cv2.BORDER_REPLICATE))


def _shade(
    colours: UInt8[np.ndarray, "h w 3"], soft: Coverage, light: Light, radius: float
) -> UInt8[np.ndarray, "h w 3"]:
    """The colours, brighter towards the light and darker away from it."""
    if light.strength == 0:
        return colours
    gain = light.strength * max(radius, 4.0) / 255
    slope_x = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=3, scale=gain / 8)
    slope_y = cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=3, scale=gain / 8)
    # The coverage rises away from the side that faces outwards: hence the minus.
    bright = 1.02 - cv2.addWeighted(slope_x, light.x, slope_y, light.y, 0.0)
    return _scaled(colours, np.clip(bright, 0.55, 1.4))


def _shadowed(
    below: Image, soft: Coverage, inside: tuple[slice, slice], light: Light, length: float
) -> Image:
    """What lies below the sprite, darkened where its soft shadow falls, away from the light."""
    if light.strength == 0:
        return below
    away = np.array([[1.0, 0.0, -light.x * length], [0.0, 1.0, -light.y * length]])
    fallen = cv2.warpAffine(soft, away, (soft.shape[1], soft.shape[0]))[inside]
    return _scaled(below, 1 - 0.4 * light.strength / 255 * fallen.astype(np.float32))


def _scaled(
    colours: UInt8[np.ndarray, "h w 3"], gain: Float32[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w 3"]:
    fixed = cv2.convertScaleAbs(gain, alpha=128)
    return np.asarray(cv2.multiply(colours, cv2.merge([fixed] * 3), scale=1 / 128), dtype=np.uint8)


def _smear(picture: np.ndarray, drift: Float64[np.ndarray, " 2"]) -> np.ndarray:
    """The picture averaged along the drift: motion blur.  Drifts under a pixel leave it alone."""
    if float(np.hypot(*drift)) < 1.0:
        return picture
    reach = math.ceil(float(np.abs(drift).max()) / 2)
    line = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    ends = np.rint((np.array([-drift, drift]) / 2 + reach) * 16).astype(int)
    start, end = ([int(v) for v in point] for point in ends)
    cv2.line(line, start, end, 1.0, 1, cv2.LINE_8, shift=4)
    return np.asarray(cv2.filter2D(picture, -1, line / line.sum(), borderType=cv2.BORDER_REPLICATE))
