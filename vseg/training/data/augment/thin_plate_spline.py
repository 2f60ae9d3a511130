"""Soft bodies: thin-plate splines whose control points swing with time.

Enters: points in the unit square and a time in images.  Leaves: the points, displaced.  One
linear system per spline (Bookstein 1989, Principal Warps); each moment is then a product with
two matrices.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

# Round values; chosen by eye for bodies that look soft, not liquid.
_GRID = 3  # control points along each side
_JITTER = 0.08  # standard deviation of their places around the grid
_PERIOD = (7.0, 24.0)  # of the swing, in images


@dataclass(frozen=True, slots=True)
class ThinPlateSpline:
    """A displacement field over the unit square, smooth in space and in time.

    knots: the control points.  cosine, sine: the spline's weights for the two phases of the
    swing.
    """

    knots: Float64[np.ndarray, "K 2"]
    cosine: Float64[np.ndarray, "K+3 2"]
    sine: Float64[np.ndarray, "K+3 2"]
    period: float

    def displaced(
        self, points: Float64[np.ndarray, "N 2"], time: float
    ) -> Float64[np.ndarray, "N 2"]:
        """The points, displaced by the spline of that time (in images)."""
        angle = 2 * np.pi * time / self.period
        weights = self.cosine * np.cos(angle) + self.sine * np.sin(angle)
        return np.asarray(points + _features(points, self.knots) @ weights)


def draw_spline(rng: np.random.Generator, strength: float) -> ThinPlateSpline:
    """A random spline; its control points swing by about `strength` of the square's side."""
    axis = (np.arange(_GRID) + 0.5) / _GRID
    knots = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    knots = knots + rng.normal(0, _JITTER, knots.shape)
    count = len(knots)
    system = np.zeros((count + 3, count + 3))
    system[:count] = _features(knots, knots)
    system[count:, :count] = system[:count, count:].T
    # Two displacements in x and y: one for each phase.
    wanted = np.zeros((count + 3, 4))
    wanted[:count] = rng.normal(0, strength, (count, 4))
    weights = np.linalg.solve(system, wanted)
    period = float(rng.uniform(*_PERIOD))
    return ThinPlateSpline(knots, weights[:, :2], weights[:, 2:], period)


def _features(
    points: Float64[np.ndarray, "N 2"], knots: Float64[np.ndarray, "K 2"]
) -> Float64[np.ndarray, "N K+3"]:
    """r^2 log r to each knot, and the affine terms 1, x, y."""
    squared = ((points[:, None] - knots[None]) ** 2).sum(-1)
    radial = 0.5 * squared * np.log(np.maximum(squared, 1e-12))
    return np.concatenate([radial, np.ones((len(points), 1)), points], axis=1)
