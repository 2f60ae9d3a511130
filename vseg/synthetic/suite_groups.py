"""Groups of the identity suite: cups that are swapped and covered, a herd, cells, and many
small objects.

Enters: nothing.  Leaves: scene configurations.  Seeds were chosen by eye, for surfaces that
stand out from the background.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from vseg.synthetic.config import SceneConfig
from vseg.synthetic.trajectory import Occluder, Trajectory


def staged(trajectories: list[Trajectory], num_frames: int, **more: Any) -> SceneConfig:
    """A scene of these trajectories under a camera that stands still, nothing else in it."""
    plain = SceneConfig(num_frames=num_frames, occluders=0, camera_motion=0.0)
    return replace(
        plain, num_objects=len(trajectories), trajectories=tuple(trajectories), **more
    )


def cups() -> SceneConfig:
    """Three equal ones: 1 and 2 change places, then 1 and 3, then 1 is covered and comes
    back.
    """
    left = 0.14
    middle = 0.38
    right = 0.62
    cover = 0.87
    high = 0.44
    low = 0.56
    trajectories = [
        Trajectory(
            (
                (10, left, high),
                (34, middle, high),
                (44, middle, high),
                (68, right, high),
                (76, right, high),
                (88, cover, high),
                (102, cover, high),
                (114, right, high),
            )
        ),
        Trajectory(((10, middle, low), (34, left, low))),
        Trajectory(((44, right, low), (68, middle, low))),
    ]
    return staged(
        trajectories,
        125,
        seed=55,
        look_alikes=True,
        size=0.6,
        placed_occluders=(Occluder(cover, 0.2),),
    )


def sheep() -> SceneConfig:
    """A herd of ten look-alikes that walks to the right; some overtake others."""
    rng = np.random.default_rng(6)
    trajectories = []
    for k in range(10):
        row, column = divmod(k, 5)
        x = 0.08 + 0.11 * column + 0.05 * row
        y = 0.38 + 0.26 * row + float(rng.uniform(-0.06, 0.06))
        step = 0.1 + 0.28 * float(rng.random())
        trajectories.append(
            Trajectory(((6, x, y), (80, x + step, y + float(rng.uniform(-0.04, 0.04)))))
        )
    return staged(trajectories, 90, seed=49, look_alikes=True, size=0.38)


def cells() -> SceneConfig:
    """Sixteen look-alikes that jostle about their places and touch, but never pass."""
    rng = np.random.default_rng(4)
    trajectories = []
    for k in range(16):
        row, column = divmod(k, 4)
        place = (0.2 + 0.2 * column, 0.14 + 0.24 * row)
        waypoints = [(4.0, *place)]
        for frame in range(14, 80, 10):
            angle = float(rng.uniform(0, 2 * math.pi))
            waypoints.append(
                (
                    frame,
                    place[0] + 0.04 * math.cos(angle),
                    place[1] + 0.05 * math.sin(angle),
                )
            )
        trajectories.append(Trajectory(tuple(waypoints)))
    return staged(trajectories, 80, seed=46, look_alikes=True, size=0.5)


def small() -> SceneConfig:
    """Thirty small objects, each unlike the others, that drift slowly and do not meet."""
    rng = np.random.default_rng(5)
    trajectories = []
    for k in range(30):
        row, column = divmod(k, 6)
        x = 0.1 + 0.16 * column
        y = 0.12 + 0.19 * row
        drift_x, drift_y = rng.uniform(-0.05, 0.05, 2).tolist()
        trajectories.append(Trajectory(((5, x, y), (55, x + drift_x, y + drift_y))))
    return staged(trajectories, 60, seed=21, size=0.27)
