"""The identity suite: scenes in which look-alikes cross, hide, leave, return and are cut.

Enters: nothing.  Leaves: scene configurations by name.  Every object is in full view on frame
0, so that all can be prompted there, and trajectories say where each is afterwards: the truth
is exact.  The camera stands still; bodies still turn, swell and bend.
"""

from vseg.synthetic.config import SceneConfig
from vseg.synthetic.suite_groups import cells, cups, sheep, small, staged
from vseg.synthetic.trajectory import Occluder, Trajectory

CUT_AT = 40
"""The frame on which the shot changes in the scene of that name."""


def identity_scenes() -> dict[str, SceneConfig]:
    """The scenes of the suite by name, in the order of its tables.

    cross-N: N look-alikes, which meet in pairs and pass partly before one another.  meet-2:
    two that come close and turn back, so that constant velocity predicts the wrong one.
    hidden-N: one of two look-alikes is wholly behind a post for N frames.  leave: two of four
    objects leave the frame and return, one on the other side.  cut: four objects, after the
    cut in other places before another background.  cups: three equal ones, swapped and
    covered.  sheep: a herd of ten.  cells: sixteen that touch.  small-30: thirty small unlike
    objects.
    """
    return {
        **{
            f"cross-{pairs * 2}": _crossing(pairs, columns, seed)
            for pairs, columns, seed in _GRIDS
        },
        "meet-2": _meeting(),
        **{f"hidden-{frames}": _hidden(end, post) for frames, end, post in _HIDINGS},
        "leave": _leaving(),
        "cut": _cut(),
        "cups": cups(),
        "sheep": sheep(),
        "cells": cells(),
        "small-30": small(),
    }


# Pairs of look-alikes, the columns they are laid out in, and a seed whose surface stands out
# from its background (chosen by eye).
_GRIDS = ((1, 1, 51), (4, 2, 49), (15, 3, 46))

# Frames in hiding, the frame on which the object moves on, and how wide the post is: a body
# swells and bends meanwhile, so these were found by counting visible pixels.
_HIDINGS = ((5, 30.5, 0.18), (30, 54.75, 0.2), (100, 122.75, 0.24))


def _crossing(pairs: int, columns: int, seed: int) -> SceneConfig:
    """Pairs in rows and columns; the two of a pair pass at a third of their size."""
    rows = pairs // columns
    size = 0.75 / rows**0.65
    trajectories = []
    for pair in range(pairs):
        row, column = divmod(pair, columns)
        y = (row + 0.5) / rows
        offset = 0.05 / rows
        left = (column + 0.22) / columns
        right = (column + 0.78) / columns
        begin = 8.0 + 5 * (pair % 4)
        end = begin + 56
        trajectories.append(Trajectory(((begin, left, y - offset), (end, right, y - offset))))
        trajectories.append(Trajectory(((begin, right, y + offset), (end, left, y + offset))))
    return staged(trajectories, 90, seed=seed, look_alikes=True, size=size)


def _meeting() -> SceneConfig:
    trajectories = [
        Trajectory(((8, 0.2, 0.5), (38, 0.42, 0.5), (46, 0.42, 0.5), (76, 0.2, 0.5))),
        Trajectory(((8, 0.8, 0.5), (38, 0.58, 0.5), (46, 0.58, 0.5), (76, 0.8, 0.5))),
    ]
    return staged(trajectories, 90, seed=55, look_alikes=True, size=0.6)


def _hidden(leaves_at: float, post: float) -> SceneConfig:
    """Object 1 waits behind the post; object 2, its look-alike, stays visible beside it."""
    trajectories = [
        Trajectory(
            (
                (10, 0.15, 0.4),
                (30, 0.5, 0.4),
                (leaves_at, 0.5, 0.4),
                (leaves_at + 20, 0.85, 0.4),
            )
        ),
        Trajectory(((10, 0.75, 0.75), (leaves_at, 0.88, 0.7), (leaves_at + 30, 0.72, 0.8))),
    ]
    return staged(
        trajectories,
        round(leaves_at) + 40,
        seed=54,
        look_alikes=True,
        size=0.5,
        placed_occluders=(Occluder(0.5, post),),
    )


def _leaving() -> SceneConfig:
    trajectories = [
        Trajectory(((10, 0.2, 0.3), (35, -0.25, 0.3), (75, -0.25, 0.6), (100, 0.25, 0.6))),
        Trajectory(
            (
                (20, 0.8, 0.7),
                (45, 1.25, 0.7),
                (46, -0.25, 0.3),
                (85, -0.25, 0.3),
                (115, 0.3, 0.2),
            )
        ),
        Trajectory(((0, 0.5, 0.3), (120, 0.6, 0.4))),
        Trajectory(((0, 0.4, 0.75), (120, 0.5, 0.7))),
    ]
    return staged(trajectories, 130, seed=21, size=0.6)


def _cut() -> SceneConfig:
    # The jump lies between two frames and outside both shutter times.
    before = CUT_AT - 0.6
    after = CUT_AT - 0.4
    places = (
        ((0.2, 0.3), (0.75, 0.7)),
        ((0.5, 0.65), (0.2, 0.6)),
        ((0.8, 0.35), (0.45, 0.3)),
        ((0.25, 0.75), (0.8, 0.25)),
    )
    trajectories = [
        Trajectory(
            (
                (0, *there),
                (before, there[0] + 0.06, there[1]),
                (after, *then),
                (90, then[0] - 0.08, then[1]),
            )
        )
        for there, then in places
    ]
    return staged(trajectories, 90, seed=21, size=0.6, cut_at=CUT_AT)
