"""What the motion of all tracks has in common: how the image moves.

Enters: velocities of tracks and how much each may differ from the image's.  Leaves: one
velocity.  Where a camera turns, every object moves across the image, and one that comes into
view does so from its first frame on; a track that began at rest would lose it at once, or take
its neighbour.  Only the tracks themselves are needed for this, no image.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, slots=True)
class CommonMotion:
    """velocity: pixels per second, x and y; variance: of that."""

    velocity: Float[np.ndarray, " 2"]
    variance: Float[np.ndarray, " 2"]


def common_motion(
    velocity: Float[np.ndarray, "N 2"], variance: Float[np.ndarray, "N 2"]
) -> CommonMotion:
    """The velocity that objects share, each of which moves on its own besides.

    variance: of each about the shared one: what it moves on its own, and what is not known of
    its velocity.  For each axis, the median, weighted by certainty, so that one that drives
    against the rest counts for little; shrunk towards rest by as much as chance would explain
    (the positive-part estimator of James and Stein, 1961): people who walk both ways before a
    camera that stands share nothing.
    """
    along = [_shared(velocity[:, axis], 1 / variance[:, axis]) for axis in (0, 1)]
    return CommonMotion(*np.array(along).T)


def _shared(
    velocity: Float[np.ndarray, " N"], certainty: Float[np.ndarray, " N"]
) -> tuple[float, float]:
    """Velocity and variance along one axis."""
    order = velocity.argsort()
    reached = certainty.take(order).cumsum()
    total = float(reached[-1])
    middle = float(velocity[order[reached.searchsorted(total / 2)]])
    chance = 1 / total
    if middle * middle <= chance:
        return 0.0, 0.0
    kept = 1 - chance / (middle * middle)
    return middle * kept, chance * kept
