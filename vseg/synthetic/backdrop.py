"""A seed in, everything behind and over the objects out: the background, changing light,
sensor noise.

Ranges without a source are round values, chosen by eye; not tuned.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

from vseg.synthetic.motion import Affine, Wave, compose, draw_wave
from vseg.synthetic.shape import draw_outline
from vseg.synthetic.texture import colour, draw_palette, draw_texture, fractal_noise

Image = UInt8[np.ndarray, "H W 3"]

# The painted background reaches this share of the frame beyond its sides: about as far as the
# strongest camera of a random scene pans and zooms.  Past it, it is mirrored.
MARGIN = 0.3
_LIGHT_CELLS = 16
_SHEET_MARGIN = (61, 67)


@dataclass(frozen=True, slots=True)
class Backdrop:
    """A painted plane behind the objects.  (left, top): where its corner lies in the world."""

    canvas: Image
    left: float
    top: float

    def rendered(self, camera: Affine, height: int, width: int) -> Image:
        """The frame that the camera shows of the plane."""
        place = np.array([[1.0, 0.0, self.left], [0.0, 1.0, self.top]])
        return np.asarray(
            cv2.warpAffine(
                self.canvas,
                compose(camera, place),
                (width, height),
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REFLECT_101,
            )
        )


def draw_backdrop(rng: np.random.Generator, height: int, width: int) -> Backdrop:
    """A random background: one or two noisy surfaces and a clutter of still shapes on them."""
    left = math.ceil(MARGIN * width)
    top = math.ceil(MARGIN * height)
    rows = height + 2 * top
    columns = width + 2 * left
    # Half of the backgrounds have a horizon: another surface below a wavy line.
    canvas = _ground(rng, rows, columns)
    if rng.random() < 0.5:
        horizon = rows * rng.uniform(0.3, 0.6)
        skyline = horizon + 0.15 * rows * (fractal_noise(rng, 2, columns, cells=1.0)[0] - 0.5)
        below = np.arange(rows)[:, None] > skyline[None, :]
        canvas = np.where(below[:, :, None], _ground(rng, rows, columns), canvas)
    for _ in range(int(rng.integers(4, 22))):
        _paint_clutter(rng, canvas, min(height, width))
    # A little out of focus, by the same amount at any size.
    blur = float(rng.uniform(0.4, 1.6)) * min(height, width) / 360
    canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), max(blur, 0.3)))
    return Backdrop(canvas, -float(left), -float(top))


def _ground(rng: np.random.Generator, rows: int, columns: int) -> Image:
    noise = fractal_noise(
        rng, rows, columns, float(rng.uniform(2, 6)), float(rng.uniform(0.4, 0.75))
    )
    palette = draw_palette(rng, int(rng.integers(2, 5)), vivid=0.6)
    slope = np.linspace(-0.25, 0.25, rows, dtype=np.float32)[:, None]
    return colour(np.clip(noise + slope, 0, 1), palette)


def _paint_clutter(rng: np.random.Generator, canvas: Image, short: int) -> None:
    """Paint one still shape onto the canvas, in place."""
    size = int(short * np.exp(rng.uniform(np.log(0.08), np.log(0.55))))
    x = int(rng.integers(0, max(1, canvas.shape[1] - size)))
    y = int(rng.integers(0, max(1, canvas.shape[0] - size)))
    texture = draw_texture(rng, size, vivid=0.6)
    stencil = np.zeros((size, size), np.uint8)
    if rng.random() < 0.5:
        half = size / 2 * rng.uniform(0.3, 0.7, 2)
        box = cv2.boxPoints(((size / 2, size / 2), tuple(2 * half), float(rng.uniform(0, 90))))
        cv2.fillPoly(stencil, [np.rint(box).astype(np.int32)], 255)
    else:
        outline = draw_outline(rng)
        body = size / 2 + outline.body(0.0) * size / 2 / outline.reach
        cv2.fillPoly(stencil, [np.rint(body).astype(np.int32)], 255)
    part = canvas[y : y + size, x : x + size]
    part[stencil > 0] = texture[stencil > 0]


@dataclass(frozen=True, slots=True)
class Lighting:
    """Light that changes with time: overall gain, warmth, and a bright area that moves."""

    gain: Wave
    warmth: Wave
    spot_x: Wave
    spot_y: Wave
    spot: float

    def on(self, image: Image, time: float) -> Image:
        """The image under the light of that moment."""
        gain = math.exp(self.gain.at(time))
        warmth = self.warmth.at(time)
        tint = np.array([1 + warmth, 1.0, 1 - warmth], dtype=np.float32) * gain
        # A small map is enough for something this smooth; it is enlarged to the frame.
        axis = np.linspace(-0.5, 0.5, _LIGHT_CELLS, dtype=np.float32)
        squared = (axis[None, :] - self.spot_x.at(time)) ** 2 + (
            axis[:, None] - self.spot_y.at(time)
        ) ** 2
        glow = 1 + self.spot * (2 * np.exp(-3 * squared) - 1)
        small = cv2.convertScaleAbs((glow[:, :, None] * tint * 128).astype(np.float32))
        size = (image.shape[1], image.shape[0])
        full = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.multiply(image, full, scale=1 / 128), dtype=np.uint8)


def draw_lighting(rng: np.random.Generator, strength: float) -> Lighting:
    """Random light changes; strength 0 keeps the light as it is."""
    return Lighting(
        draw_wave(rng, 0.16 * strength, (80.0, 260.0)),
        draw_wave(rng, 0.06 * strength, (120.0, 300.0)),
        draw_wave(rng, 0.5, (100.0, 240.0)),
        draw_wave(rng, 0.5, (100.0, 240.0)),
        0.22 * strength,
    )


@dataclass(frozen=True, slots=True)
class Grain:
    """Sensor noise: one noisy sheet, larger than the frame, that is laid at another place in
    every frame.

    brighter and darker hold its positive and negative parts: two saturating additions of bytes
    are several times faster than one of signed numbers.
    """

    brighter: Image
    darker: Image

    def on(self, image: Image, rng: np.random.Generator) -> Image:
        """The image with the noise that `rng` places."""
        height, width = image.shape[:2]
        y = int(rng.integers(self.brighter.shape[0] - height + 1))
        x = int(rng.integers(self.brighter.shape[1] - width + 1))
        place = (slice(y, y + height), slice(x, x + width))
        return np.asarray(
            cv2.subtract(cv2.add(image, self.brighter[place]), self.darker[place])
        )


def draw_grain(rng: np.random.Generator, height: int, width: int, sigma: float) -> Grain:
    """A sheet of normal noise of standard deviation `sigma` grey levels."""
    # So much larger than the frame that over 4000 places differ.
    shape = (height + _SHEET_MARGIN[0], width + _SHEET_MARGIN[1], 3)
    noise = np.rint(sigma * rng.standard_normal(shape, dtype=np.float32))
    return Grain(
        np.clip(noise, 0, 255).astype(np.uint8), np.clip(-noise, 0, 255).astype(np.uint8)
    )
