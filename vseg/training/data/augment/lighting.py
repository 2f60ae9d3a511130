"""Light that changes during a sequence: slopes, a moving spot, flicker, cast shadows, haze.

Enters and leaves: the images of one sequence.  Masks are untouched: light does not decide what
is visible.  Chances and strengths are round values, chosen by eye on sheets of drawn sequences
(benchmarks/sequences_sheet.py); not tuned.
"""

import cv2
import numpy as np
from jaxtyping import Float32

from vseg.training.data.clip import Images, scaled

_GRID = 56  # cells per side on which the light is computed before it is enlarged
_P_SLOPE = 0.7
_P_SHADOW = 0.4
_P_FLICKER = 0.4
_P_DARK_HAZE = 0.3
_MAX_GAIN = 1.99  # `scaled` takes gains below 2


def relit(rng: np.random.Generator, images: Images) -> Images:
    """The images under a light that differs across the frame and from one to the next."""
    steps = len(images)
    gains = [np.ones((_GRID, _GRID, 3), np.float32) for _ in images]
    if rng.random() < _P_SLOPE:
        gains = [g * m for g, m in zip(gains, _slope(rng, steps), strict=True)]
    if rng.random() < _P_SHADOW:
        gains = [g * m for g, m in zip(gains, _shadow(rng, steps), strict=True)]
    if rng.random() < _P_FLICKER:
        flicker = np.exp(rng.normal(0, rng.uniform(0.03, 0.2), steps)).astype(np.float32)
        gains = [g * f for g, f in zip(gains, flicker, strict=True)]
    return tuple(
        scaled(image, np.clip(gain, 0, _MAX_GAIN))
        for image, gain in zip(images, gains, strict=True)
    )


def _axes() -> tuple[Float32[np.ndarray, "g g"], Float32[np.ndarray, "g g"]]:
    axis = np.linspace(-1, 1, _GRID, dtype=np.float32)
    xs, ys = np.meshgrid(axis, axis)
    return xs, ys


def _slope(rng: np.random.Generator, steps: int) -> list[Float32[np.ndarray, "g g 3"]]:
    """Gains that are brighter and warmer towards one side, or around a spot; both move."""
    xs, ys = _axes()
    angle = rng.uniform(0, 2 * np.pi)
    turn = rng.normal(0, 0.15)
    strength = rng.uniform(0.1, 0.5)
    tint = 1 + rng.normal(0, 0.3, 3)
    spot = rng.uniform(-0.8, 0.8, 2) if rng.random() < 0.5 else None
    pace = rng.normal(0, 0.12, 2)
    maps = []
    for t in range(steps):
        if spot is None:
            bright = np.cos(angle + t * turn) * xs + np.sin(angle + t * turn) * ys
        else:
            x, y = spot + t * pace
            bright = 2 * np.exp(-2 * ((xs - x) ** 2 + (ys - y) ** 2)) - 0.8
        log_gain = strength * bright[..., None] * tint
        maps.append(np.exp(log_gain).astype(np.float32))
    return maps


def _shadow(rng: np.random.Generator, steps: int) -> list[Float32[np.ndarray, "g g 1"]]:
    """Gains that are darker where a drifting noise is high: branches, clouds, passers-by."""
    cells = int(rng.integers(3, 8))
    knots = rng.normal(0, 1, (2 * cells, 2 * cells)).astype(np.float32)
    sheet = cv2.resize(knots, (2 * _GRID, 2 * _GRID), interpolation=cv2.INTER_CUBIC)
    depth = rng.uniform(0.25, 0.65)
    edge = rng.uniform(2, 12)
    level = rng.uniform(-0.2, 0.8)
    dark = depth / (1 + np.exp(-edge * (sheet - level)))
    return [1 - part[..., None] for part in _drifting(rng, dark, steps)]


def hazy(rng: np.random.Generator, images: Images) -> Images:
    """The images behind drifting smoke, dust or glare: one tone, thickest in random places."""
    knots = rng.normal(-0.6, 1.0, (6, 6)).astype(np.float32)
    sheet = cv2.resize(knots, (2 * _GRID, 2 * _GRID), interpolation=cv2.INTER_CUBIC)
    tone = rng.uniform(0, 255) if rng.random() < _P_DARK_HAZE else rng.uniform(150, 255)
    sheet = rng.uniform(0.4, 0.95) * np.clip(sheet, 0, 1)
    side = len(images[0])
    veil = np.full_like(images[0], int(tone))
    alphas = [
        cv2.resize(np.ascontiguousarray(thick), (side, side))
        for thick in _drifting(rng, sheet, len(images))
    ]
    return tuple(
        np.asarray(cv2.blendLinear(veil, image, alpha, 1 - alpha), dtype=np.uint8)
        for image, alpha in zip(images, alphas, strict=True)
    )


def _drifting(
    rng: np.random.Generator, sheet: Float32[np.ndarray, "k k"], steps: int
) -> list[Float32[np.ndarray, "g g"]]:
    """Windows of a sheet of twice the grid's side; the window drifts and stops at the rim."""
    place = rng.uniform(0.25, 0.75, 2) * _GRID
    drift = rng.normal(0, 0.08 * _GRID, 2)
    windows = []
    for _ in range(steps):
        x, y = np.clip(place, 0, _GRID).astype(int)
        windows.append(sheet[y : y + _GRID, x : x + _GRID].astype(np.float32))
        place = place + drift
    return windows
