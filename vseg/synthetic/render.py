"""Poses, outlines and surfaces in; one image and its exact label map out.

Layers are drawn far to near.  Each is rasterised once, on a patch around it: its polygons at
four times the size give the share of every pixel it covers.  The image blends by that share;
the label map takes the pixel where the share is over a half.  Both come from the same numbers,
so an edge is soft in the image and yet the mask is exact.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8

from vseg.synthetic.motion import Affine, HandheldCamera, Motion, apply, compose
from vseg.synthetic.raster import Coverage, PixelBox, bounds, coverage
from vseg.synthetic.shape import Outline

Image = UInt8[np.ndarray, "H W 3"]
Labels = UInt8[np.ndarray, "H W"]

# The share of a frame's time in which the shutter is open: 126 degrees, a little less than the
# 180 of film.
SHUTTER = 0.35
# Longer blurs would leave no object to see.  A round value; not tuned.
MAX_BLUR_PX = 21.0
# In shares of an object's radius, chosen by eye: how wide its edge is shaded, how far its
# shadow falls, and how far both reach together.
_SHADING_WIDTH = 0.45
_SHADOW_LENGTH = 0.22
_SHADOW_REACH = 0.6


@dataclass(frozen=True, slots=True)
class Sprite:
    """One layer of a frame.  label: its object id, 0 for an occluder.

    parallax: how strongly the camera's pan moves it (1 for the plane of the objects).
    """

    label: int
    outline: Outline
    surface: Image
    motion: Motion
    parallax: float = 1.0


@dataclass(frozen=True, slots=True)
class Light:
    """The direction that the light comes from, a unit vector in the frame; strength 0 gives
    flat colours.
    """

    x: float
    y: float
    strength: float


def draw_sprite(
    image: Image,
    labels: Labels,
    sprite: Sprite,
    camera: HandheldCamera,
    time: float,
    light: Light,
) -> None:
    """Paint one layer into `image` and its id into `labels`, both in place."""
    height, width = labels.shape
    frame = PixelBox(0, 0, width, height)
    to_frame = compose(camera.at(time, sprite.parallax), sprite.motion.at(time))
    # The map takes a unit of the outline to this many pixels, whatever the squash.
    radius = math.sqrt(abs(float(np.linalg.det(to_frame[:, :2]))))
    drift = _drift(sprite, camera, time)
    # Two windows: the body with its blur, and around it the one that its shadow needs.
    blur = 2 + math.ceil(float(np.abs(drift).max()))
    shade = math.ceil(_SHADOW_REACH * radius)
    outline = sprite.outline
    solid = [apply(to_frame, part) for part in (outline.body(time), *outline.limbs_at(time))]
    body = bounds(solid, blur).clip(height, width, blur + shade)
    around = body.grown(shade).clip(height, width, blur + shade)
    if body.empty or around.clip(height, width, 0).empty:
        return
    cover = coverage(solid, outline.hole, to_frame[:, 2], body)
    soft = _soften(cover, body, around, _SHADING_WIDTH * radius)
    if light.strength > 0:
        _cast_shadow(image, soft, around, light, _SHADOW_LENGTH * radius)
    visible = body.clip(height, width, 0)
    if visible.empty:
        return
    colours = _surface(sprite, to_frame, body)
    if light.strength > 0:
        colours = _shade(colours, soft[body.inside(around)], light, radius)
    # Over a half covered: 128 of 255 and up.
    labels[visible.inside(frame)][cover[visible.inside(body)] > 127] = sprite.label
    share = _motion_blurred(cover, drift)[visible.inside(body)].astype(np.float32) / 255
    blurred = _motion_blurred(colours, drift)[visible.inside(body)]
    foreground = np.ascontiguousarray(blurred)
    background = np.ascontiguousarray(image[visible.inside(frame)])
    image[visible.inside(frame)] = cv2.blendLinear(foreground, background, share, 1 - share)


def _drift(sprite: Sprite, camera: HandheldCamera, time: float) -> Float64[np.ndarray, " 2"]:
    """How far the sprite's origin moves in the frame while the shutter is open, in pixels."""
    places = []
    for moment in (time - SHUTTER / 2, time + SHUTTER / 2):
        places.append(
            compose(camera.at(moment, sprite.parallax), sprite.motion.at(moment))[:, 2]
        )
    drift = places[1] - places[0]
    return np.asarray(drift * min(1.0, MAX_BLUR_PX / max(float(np.hypot(*drift)), 1e-9)))


def _surface(sprite: Sprite, to_frame: Affine, patch: PixelBox) -> Image:
    """The sprite's texture in the patch; it moves, turns and squashes with the body."""
    half = (sprite.surface.shape[0] - 1) / 2
    # The texture spans the outline's reach to both sides of its origin.
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


def _soften(
    cover: Coverage, body: PixelBox, around: PixelBox, width_px: float
) -> UInt8[np.ndarray, "H W"]:
    """The coverage on the window around, blurred by two boxes.

    Its slope is what shading takes for a rounded surface, and it is the shape of the shadow.
    """
    full = np.zeros((around.y2 - around.y1, around.x2 - around.x1), np.uint8)
    full[body.inside(around)] = cover
    # Box filters cost the same at any width; two of them are nearly a Gaussian.
    side = max(3, 2 * round(width_px / 2) + 1)
    once = cv2.blur(full, (side, side), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.blur(once, (side, side), borderType=cv2.BORDER_REPLICATE))


def _shade(
    colours: UInt8[np.ndarray, "h w 3"], soft: Coverage, light: Light, radius: float
) -> UInt8[np.ndarray, "h w 3"]:
    """The colours, brighter towards the light and darker away from it.

    The gain is bounded so that no surface turns black or white.
    """
    gain = light.strength * max(radius, 4.0) / 255
    slope_x = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=3, scale=gain / 8)
    slope_y = cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=3, scale=gain / 8)
    # The coverage rises away from the side that faces outwards: hence the minus.
    bright = 1.02 - cv2.addWeighted(slope_x, light.x, slope_y, light.y, 0.0)
    return _scaled(colours, np.clip(bright, 0.55, 1.4))


def _cast_shadow(
    image: Image, soft: Coverage, around: PixelBox, light: Light, length_px: float
) -> None:
    """Darken `image`, in place, where the sprite's soft shadow falls: away from the light."""
    height, width = image.shape[:2]
    visible = around.clip(height, width, 0)
    shift = (round(-light.y * length_px), round(-light.x * length_px))
    # What wraps around lands in the margin: it is wider than the shift and empty or out of
    # frame.
    fallen = np.roll(soft, shift, axis=(0, 1))[visible.inside(around)].astype(np.float32)
    place = visible.inside(PixelBox(0, 0, width, height))
    image[place] = _scaled(image[place], 1 - 0.4 * light.strength / 255 * fallen)


def _scaled(
    colours: UInt8[np.ndarray, "h w 3"], gain: Float32[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w 3"]:
    # Fixed point with 128 as 1: bytes multiply several times faster than floats.
    fixed = cv2.convertScaleAbs(gain, alpha=128)
    return np.asarray(
        cv2.multiply(colours, cv2.merge([fixed] * 3), scale=1 / 128), dtype=np.uint8
    )


def _motion_blurred(image: np.ndarray, drift: Float64[np.ndarray, " 2"]) -> np.ndarray:
    """The image averaged along the drift; a drift under a pixel leaves it as it is."""
    if float(np.hypot(*drift)) < 1.0:
        return image
    reach = math.ceil(float(np.abs(drift).max()) / 2)
    line = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    ends = np.rint((np.array([-drift, drift]) / 2 + reach) * 16).astype(int)
    start, end = ([int(v) for v in point] for point in ends)
    cv2.line(line, start, end, 1.0, 1, cv2.LINE_8, shift=4)
    return np.asarray(
        cv2.filter2D(image, -1, line / line.sum(), borderType=cv2.BORDER_REPLICATE)
    )
