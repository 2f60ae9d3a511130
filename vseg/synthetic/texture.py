"""A random generator in, textures out: the surfaces of a synthetic scene's objects and
background.

A texture is a scalar pattern in [0, 1] (noise, stripes, spots, checks, patches or nearly
plain) coloured through a ramp of a few related colours.  About a third of them are two
textures joined along a wavy seam, because real objects have parts and a mask must not stop at
the seam.  Ranges are round values, chosen by eye; not tuned.
"""

import math
from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

Pattern = Float32[np.ndarray, "H W"]
Colours = UInt8[np.ndarray, "H W 3"]


def fractal_noise(
    rng: np.random.Generator, height: int, width: int, cells: float = 3.0, rough: float = 0.55
) -> Pattern:
    """Noise with a 1/f-like spectrum, stretched to [0, 1].

    cells: bumps of the coarsest octave along the short side; rough: amplitude ratio of
    octaves.
    """
    short = min(height, width)
    total = np.zeros((height, width), np.float32)
    weight = 1.0
    while cells < short / 2:
        grid = (max(2, round(cells * height / short)), max(2, round(cells * width / short)))
        octave = cv2.resize(
            rng.random(grid, dtype=np.float32), (width, height), interpolation=cv2.INTER_CUBIC
        )
        total += weight * octave
        cells = cells * 2
        weight = weight * rough
    low = float(total.min())
    high = float(total.max())
    return np.asarray((total - low) / max(high - low, 1e-6), dtype=np.float32)


def draw_palette(rng: np.random.Generator, count: int, vivid: float = 1.0) -> Colours:
    """`count` related colours as a 1 x count image; vivid scales their saturation."""
    # OpenCV's hues are half degrees.  Spreads: nearly one hue, neighbours, any.
    hue = rng.uniform(0, 180) + rng.choice([12.0, 35.0, 90.0]) * rng.uniform(-1, 1, count)
    saturation = np.clip(rng.uniform(0.05, 1.0) * vivid + rng.uniform(-0.2, 0.2, count), 0, 1)
    value = np.clip(rng.uniform(0.25, 0.9) + rng.uniform(-0.3, 0.3, count), 0.08, 1)
    hsv = np.stack([hue % 180, 255 * saturation, 255 * value], axis=1)
    rgb = cv2.cvtColor(hsv[None].astype(np.uint8), cv2.COLOR_HSV2RGB)
    return np.asarray(rgb, dtype=np.uint8)


def colour(pattern: Pattern, palette: UInt8[np.ndarray, "1 N 3"]) -> Colours:
    """The pattern with 0 as the palette's first colour, 1 as its last and blends between."""
    ramp = cv2.resize(palette, (256, 1), interpolation=cv2.INTER_LINEAR)
    level = cv2.convertScaleAbs(pattern, alpha=255)
    return np.asarray(cv2.LUT(cv2.merge([level] * 3), ramp), dtype=np.uint8)


def draw_texture(rng: np.random.Generator, size: int, vivid: float = 1.0) -> Colours:
    """A random size x size surface."""
    surface = _one_part(rng, size, vivid)
    if rng.random() < 0.35:
        other = _one_part(rng, size, vivid)
        seam = np.linspace(-1, 1, size, dtype=np.float32)[:, None] + rng.uniform(-0.3, 0.3)
        wavy = seam + 0.7 * (fractal_noise(rng, size, size, cells=2.0, rough=0.3) - 0.5)
        surface = np.where((wavy > 0)[:, :, None], other, surface)
    return surface


def _one_part(rng: np.random.Generator, size: int, vivid: float) -> Colours:
    pattern = _PATTERNS[int(rng.integers(len(_PATTERNS)))](rng, size)
    surface = colour(pattern, draw_palette(rng, int(rng.integers(2, 5)), vivid))
    grain = 0.85 + 0.3 * fractal_noise(rng, size, size, cells=6.0, rough=0.8)
    return np.clip(surface * grain[:, :, None], 0, 255).astype(np.uint8)


def _noise(rng: np.random.Generator, size: int) -> Pattern:
    return fractal_noise(rng, size, size, cells=float(rng.uniform(2, 6)))


def _stripes(rng: np.random.Generator, size: int) -> Pattern:
    rows, columns = _grid(size)
    angle = rng.uniform(0, np.pi)
    count = rng.uniform(3, 11)
    bent = 0.35 * fractal_noise(rng, size, size, cells=2.0, rough=0.4)
    across = rows * math.sin(angle) + columns * math.cos(angle) + bent
    return _steps(np.sin(np.pi * count * across), sharpness=rng.uniform(1, 6))


def _checks(rng: np.random.Generator, size: int) -> Pattern:
    rows, columns = _grid(size)
    angle = rng.uniform(0, np.pi)
    count = rng.uniform(3, 8)
    first = np.sin(np.pi * count * (rows * math.sin(angle) + columns * math.cos(angle)))
    second = np.sin(np.pi * count * (rows * math.cos(angle) - columns * math.sin(angle)))
    return _steps(first * second, sharpness=rng.uniform(4, 10))


def _spots(rng: np.random.Generator, size: int) -> Pattern:
    canvas = np.zeros((size, size), np.float32)
    radius = rng.uniform(0.025, 0.09)
    # So many that they cover about a third of the square, overlaps aside.
    for _ in range(int(0.35 / (3 * radius * radius))):
        # cv2 takes fixed-point coordinates with 4 fractional bits.
        x, y = (int(v) for v in rng.uniform(0, 16 * size, 2))
        reach = int(16 * size * radius * rng.uniform(0.6, 1.2))
        shade = float(rng.uniform(0.6, 1))
        cv2.circle(canvas, (x, y), reach, shade, cv2.FILLED, cv2.LINE_8, shift=4)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), max(0.6, size / 200)), dtype=np.float32)


def _patches(rng: np.random.Generator, size: int) -> Pattern:
    levels = int(rng.integers(2, 5))
    wavy = fractal_noise(rng, size, size, cells=float(rng.uniform(2, 5)), rough=0.35)
    return np.asarray(np.floor(wavy * levels * 0.999) / (levels - 1), dtype=np.float32)


def _plain(rng: np.random.Generator, size: int) -> Pattern:
    rows, columns = _grid(size)
    angle = rng.uniform(0, 2 * np.pi)
    slope = 0.5 + 0.2 * (rows * math.sin(angle) + columns * math.cos(angle))
    return np.asarray(np.clip(slope, 0, 1), dtype=np.float32)


def _grid(size: int) -> tuple[Float32[np.ndarray, "S 1"], Float32[np.ndarray, "1 S"]]:
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    return axis[:, None], axis[None, :]


def _steps(signed: Pattern, sharpness: float) -> Pattern:
    """A pattern in [-1, 1] pushed towards its two ends."""
    return np.asarray(0.5 + 0.5 * np.tanh(sharpness * signed), dtype=np.float32)


_PATTERNS: tuple[Callable[[np.random.Generator, int], Pattern], ...] = (
    _noise,
    _stripes,
    _spots,
    _checks,
    _patches,
    _plain,
)
