"""Simulated users click, box and scribble on the object, in every way people do."""

import cv2
import numpy as np
import pytest

from vseg.prompts.simulate import depth_inside
from vseg.training.nano.first_prompts import first_prompts
from vseg.types import Box, Points, Scribble


def ring() -> np.ndarray:
    mask = np.zeros((80, 120), np.uint8)
    cv2.ellipse(mask, (60, 40), (45, 25), 0, 0, 300, 1, 12)
    return mask > 0


def shapes() -> list[np.ndarray]:
    single = np.zeros((40, 40), bool)
    bar = np.zeros((40, 60), bool)
    single[7, 9] = True
    bar[20:23, 5:55] = True
    return [ring(), single, bar]


@pytest.mark.parametrize("mask", shapes())
def test_clicks_and_strokes_are_on_the_object(mask: np.ndarray) -> None:
    for seed in range(60):
        for prompt in first_prompts(np.random.default_rng(seed), mask, 0.4):
            if isinstance(prompt, Points | Scribble):
                xs, ys = np.rint(prompt.xy).astype(int).T
                assert mask[ys, xs].all()


def test_clicks_are_deep_and_near_the_rim() -> None:
    mask = np.zeros((100, 100), bool)
    mask[10:90, 10:90] = True
    depth = depth_inside(mask)
    found = []
    for seed in range(200):
        (prompt,) = first_prompts(np.random.default_rng(seed), mask, 1.0)
        assert isinstance(prompt, Points)
        x, y = prompt.xy[0].astype(int)
        found.append(depth[y, x])
    assert np.mean(np.array(found) > 30) > 0.4
    assert 0.1 < np.mean(np.array(found) < 12) < 0.4


def test_boxes_are_exact_loose_and_tight() -> None:
    mask = np.zeros((100, 100), bool)
    mask[30:70, 20:80] = True
    widths = []
    for seed in range(300):
        for prompt in first_prompts(np.random.default_rng(seed), mask, 0.0):
            if isinstance(prompt, Box):
                widths.append(prompt.x2 - prompt.x1)
    found = np.array(widths)
    assert 0.2 < (found == 60).mean() < 0.45
    assert (found > 64).any() and (found < 59).any()
    assert found.min() > 40 and found.max() < 80


def test_scribbles_are_lines_that_turn() -> None:
    mask = np.zeros((100, 100), np.uint8)
    cv2.circle(mask, (50, 50), 40, 1, -1)
    turning = []
    for seed in range(200):
        for prompt in first_prompts(np.random.default_rng(seed), mask > 0, 0.0):
            if isinstance(prompt, Scribble) and len(prompt.xy) > 3:
                ways = np.diff(prompt.xy, axis=0)
                turning.append(np.ptp(np.unwrap(np.arctan2(ways[:, 1], ways[:, 0]))))
    assert len(turning) > 30 and np.median(turning) > 0.5
