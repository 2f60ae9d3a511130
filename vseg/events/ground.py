"""Image points on the ground in metres, by four points, and how exact that is.

Enters: four points of the image, where they are on the ground, and their error in pixels.
Leaves: places in metres, and speeds with a standard error: that of the feet by linear
regression, and that of the four points by moving them at random (Monte Carlo; 64 moves give
the error to about a tenth, 1 / sqrt(2 * 64)).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64

from vseg.errors import BadZones

_MOVES = 64
_LEAST_SAMPLES = 3
"""Of a regression that has a residual."""


@dataclass(frozen=True, slots=True)
class GroundSpeed:
    """Metres a second, and the standard error."""

    value: float
    error: float


class Ground:
    """The ground that four image points span."""

    def __init__(
        self,
        image: Float64[np.ndarray, "4 2"],
        metres: Float64[np.ndarray, "4 2"],
        error_px: float,
    ) -> None:
        """Raises BadZones for points that span no area."""
        if not (_spans(image) and _spans(metres)):
            raise BadZones(
                "three of the four ground points lie on one line",
                hint="take the corners of something rectangular that lies on the ground",
            )
        self._error_px = error_px
        self._map = _homography(image, metres)
        self._rows = self._map.tolist()
        # Whatever lies on the same side of the horizon as the points is ground.
        self._sign = math.copysign(1.0, float(self._map[2] @ [*image.mean(axis=0), 1.0]))
        # The same moves each time: events must not change from one run to the next.
        rng = np.random.default_rng(0)
        moved = image + rng.normal(0.0, error_px, (_MOVES, 4, 2))
        self._moved = np.stack([_homography(one, metres) for one in moved])

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Metres of an image point; infinite on and above the horizon."""
        (a, b, c), (d, e, f), (g, h, i) = self._rows
        scale = g * x + h * y + i
        if scale * self._sign <= 0:
            return math.inf, math.inf
        return (a * x + b * y + c) / scale, (d * x + e * y + f) / scale

    def speed(self, samples: Sequence[tuple[float, float, float]]) -> GroundSpeed | None:
        """The speed over samples of time, x and y in the image; None of too few of them."""
        if len(samples) < _LEAST_SAMPLES:
            return None
        times, feet = np.split(np.array(samples, dtype=np.float64), [1], axis=1)
        offsets = times[:, 0] - times.mean()
        spread = float((offsets**2).sum())
        places = _mapped(self._map[None], feet)[0]
        if spread == 0 or not np.isfinite(places).all():
            return None
        velocity = offsets @ places / spread
        residual = places - places.mean(axis=0) - offsets[:, None] * velocity
        # Four numbers are fitted: a place and a velocity.
        freedom = 2 * len(samples) - 4
        seen = math.sqrt(float((residual**2).sum()) / freedom)
        expected = self._error_px * self._metres_per_pixel(feet[-1])
        feet_error = max(seen, expected) / math.sqrt(spread)
        others = np.einsum("n,mnk->mk", offsets, _mapped(self._moved, feet)) / spread
        points_error = float(np.linalg.norm(others, axis=1).std())
        value = float(np.linalg.norm(velocity))
        return GroundSpeed(value, math.hypot(feet_error, points_error))

    def _metres_per_pixel(self, foot: Float64[np.ndarray, " 2"]) -> float:
        """The longer of the ways that a pixel is on the ground."""
        steps = foot + np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        here, right, down = _mapped(self._map[None], steps)[0]
        return float(max(np.linalg.norm(right - here), np.linalg.norm(down - here)))


def _homography(
    image: Float64[np.ndarray, "4 2"], metres: Float64[np.ndarray, "4 2"]
) -> Float64[np.ndarray, "3 3"]:
    found = cv2.getPerspectiveTransform(image.astype(np.float32), metres.astype(np.float32))
    return np.asarray(found, dtype=np.float64)


def _mapped(
    maps: Float64[np.ndarray, "M 3 3"], points: Float64[np.ndarray, "N 2"]
) -> Float64[np.ndarray, "M N 2"]:
    whole = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    x, y, scale = np.moveaxis(np.einsum("mij,nj->min", maps, whole), 1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack([x / scale, y / scale], axis=2)


def _spans(corners: Float64[np.ndarray, "4 2"]) -> bool:
    """Whether no three of four points lie on a line, or nearly."""
    extent = float(np.ptp(corners, axis=0).max())
    for left_out in range(4):
        a, b, c = np.delete(corners, left_out, axis=0)
        area = abs(float((b - a)[0] * (c - a)[1] - (b - a)[1] * (c - a)[0]))
        # A thousandth of the square around them: thinner than a click is exact.
        if area <= 1e-3 * extent * extent:
            return False
    return True
