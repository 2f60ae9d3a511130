"""How cameras and objects move through a short sequence.

Enters: the number of images and the side of the square frame.  Leaves: one map of the frame,
or one place in it, per image.  Lengths are pixels of the frame.
"""

import numpy as np
from jaxtyping import Float64

from vseg.training.data.augment.warp import (
    Affine,
    MotionRange,
    around_point,
    draw_affine,
    random_walk,
)
from vseg.training.data.clip import Extent

# Cameras, with how often each is drawn, and what they do from image to image.  Round values;
# chosen by eye on sheets of drawn sequences (benchmarks/sequences_sheet.py), not tuned.
_STILL = MotionRange(0.0, 0, 0.0, 0.0)
HANDHELD = MotionRange(shift=0.015, rotation=1.5, zoom=0.02, shear=0.0)
_PAN = MotionRange(shift=0.06, rotation=6, zoom=0.07, shear=0.04)
_ZOOM = MotionRange(shift=0.02, rotation=2, zoom=0.16, shear=0.0)
_CAMERAS = (_STILL, HANDHELD, _PAN, _ZOOM)
_CAMERA_CHANCES = (0.1, 0.25, 0.45, 0.2)
_SHAKE = MotionRange(shift=0.03, rotation=2, zoom=0.015, shear=0.0)
_P_SHAKE = 0.2
_P_RETURN = 0.8

Trajectory = Float64[np.ndarray, "T 2"]


def camera_trajectory(rng: np.random.Generator, side: int, steps: int) -> list[Affine]:
    """One map of the frame per image: at rest, hand-held, panning or zooming; sometimes
    shaken.
    """
    motion = _CAMERAS[rng.choice(len(_CAMERAS), p=_CAMERA_CHANCES)]
    maps = random_walk(rng, motion, side, steps)
    if rng.random() < _P_SHAKE:
        maps = [draw_affine(rng, _SHAKE, side) @ m for m in maps]
    return around_middle(maps, side)


def around_middle(maps: list[Affine], side: int) -> list[Affine]:
    """The maps, applied around the middle of the frame."""
    middle = np.full(2, side / 2)
    return [around_point(middle, m) for m in maps]


def random_trajectory(rng: np.random.Generator, pace: float, steps: int) -> Trajectory:
    """Offsets from the first place: a drift and turns, about `pace` pixels from image to
    image.
    """
    drift = rng.normal(0, pace, 2)
    turns = rng.normal(0, 0.6 * pace, (steps - 1, 2))
    return np.concatenate([np.zeros((1, 2)), np.cumsum(0.7 * drift + turns, axis=0)])


def leaving_trajectory(
    rng: np.random.Generator, body: Extent, side: int, steps: int
) -> Trajectory:
    """Offsets that take the body out of the frame for at least one image; mostly it
    returns.
    """
    axis = int(rng.integers(2))
    sign = int(rng.choice([-1, 1]))
    edge = side - body.centre[axis] if sign > 0 else body.centre[axis]
    outside = np.zeros(2)
    # Half of the body's size would just touch the edge from outside.
    outside[axis] = sign * (edge + body.size[axis] * rng.uniform(0.6, 0.9))
    outside[1 - axis] = rng.normal(0, 0.1) * side
    gone = int(rng.integers(1, steps))
    back = gone + int(rng.integers(1, 3))
    nodes = [0, gone]
    shares = [0.0, 1.0]
    if back < steps and rng.random() < _P_RETURN:
        home = back + int(rng.integers(0, 3))
        nodes = [*nodes, back - 1, home]
        shares = [*shares, 1.0, float(rng.uniform(0, 0.3))]
    # Two nodes at one time would leave the share there undefined: the later one moves on.
    times = np.maximum.accumulate(np.array(nodes) + 1e-3 * np.arange(len(nodes)))
    share = np.interp(np.arange(steps), times, shares)
    return np.asarray(share[:, None] * outside)


def crossing_trajectory(
    rng: np.random.Generator,
    meeting: Float64[np.ndarray, " 2"],
    when: int,
    pace: float,
    steps: int,
) -> Trajectory:
    """Places along a straight line that passes `meeting` at image `when`, mostly sideways."""
    angle = rng.normal(0, 0.5) + np.pi * rng.integers(2)
    step = pace * np.array([np.cos(angle), np.sin(angle)])
    return np.asarray(meeting + (np.arange(steps) - when)[:, None] * step)
