"""Simulated users: first prompts with realistic jitter.

Enters: true masks.  Leaves: prompts in pixels of the picture.
"""

import cv2
import numpy as np
from jaxtyping import Bool

from vseg.ops.simulate import depth_inside, innermost
from vseg.types import Box, Points, Prompt, Scribble


def first_prompts(
    rng: np.random.Generator, mask: Bool[np.ndarray, "H W"], p_click: float
) -> list[Prompt]:
    """What a user might give for this object.

    By `p_click` clicks, three times of four a single one; else twice as often a box (one of five with
    a click in it) as a scribble.
    """
    if rng.random() < p_click:
        return [_clicks(rng, mask, 1 if rng.random() < 0.75 else int(rng.integers(2, 4)))]
    if rng.random() < 0.67:
        box: list[Prompt] = [_box(rng, mask)]
        return [*box, _clicks(rng, mask, 1)] if rng.random() < 0.2 else box
    return [_scribble(rng, mask)]


def _clicks(rng: np.random.Generator, mask: Bool[np.ndarray, "H W"], count: int) -> Points:
    ys, xs = np.nonzero(mask)
    places: list[tuple[int, int]] = []
    chance = depth_inside(mask)[ys, xs] ** 2
    for _ in range(count):
        if rng.random() < 0.4 and not places:
            places.append(innermost(mask))
        else:
            pick = int(rng.choice(len(xs), p=chance / chance.sum()))
            places.append((int(xs[pick]), int(ys[pick])))
    return Points(np.array(places, np.float32), np.ones(count, bool))


def _box(rng: np.random.Generator, mask: Bool[np.ndarray, "H W"]) -> Box:
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    jitter = rng.normal(0, 0.04, 4) * (rng.random() < 0.7) * np.array([w, h, w, h])
    x1, y1, x2, y2 = np.array([x, y, x + w, y + h]) + jitter
    return Box(float(x1), float(y1), float(max(x2, x1 + 2)), float(max(y2, y1 + 2)))


def _scribble(rng: np.random.Generator, mask: Bool[np.ndarray, "H W"]) -> Scribble:
    inner = cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8))
    ys, xs = np.nonzero(inner if inner.sum() > 20 else mask)
    points = np.stack([xs, ys], axis=1).astype(np.float32)
    axis = np.linalg.svd(np.cov((points - points.mean(0)).T) + np.eye(2))[0][:, 0]
    picked = points[rng.choice(len(points), min(len(points), int(rng.integers(3, 8))), False)]
    return Scribble(picked[np.argsort(picked @ axis)])
