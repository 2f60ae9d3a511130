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
_STEPS = np.array([[1.0, 0.0], [0.0, 1.0]])
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
        """Raises BadZones for points that span no area, or come in another order there."""
        if not (_spans(image) and _spans(metres)):
            raise BadZones(
                "three of the four ground points lie on one line",
                hint="take the corners of something rectangular that lies on the ground",
            )
        self._error_px = error_px
        own = _homography(image, metres)
        self._rows = own.tolist()
        # The horizon runs between the points of a map that folds the ground over.
        sides = image @ own[2, :2] + own[2, 2]
        if sides.min() * sides.max() <= 0:
            raise BadZones(
                "the ground points go around another way in the image than in metres",
                hint="give both in the same order around what they span",
            )
        # Whatever lies on the same side of the horizon as the points is ground.
        self._sign = math.copysign(1.0, float(own[2] @ [*image.mean(axis=0), 1.0]))
        # The same moves each time: events must not change from one run to the next.
        rng = np.random.default_rng(0)
        moved = image + rng.normal(0.0, error_px, (_MOVES, 4, 2))
        self._maps = np.stack([own, *(_homography(one, metres) for one in moved)])

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
        values = np.array(samples, dtype=np.float64)
        offsets = values[:, 0] - values[:, 0].mean()
        spread = float(offsets @ offsets)
        if spread == 0:
            return None
        # Every map places every foot, and the last one a pixel further right and down.
        feet = np.concatenate([values[:, 1:], values[-1, 1:] + _STEPS])
        places = _mapped(self._maps, feet)
        velocities = np.matmul(offsets, places[:, : len(offsets)]) / spread
        if not np.isfinite(places).all():
            return None
        speeds = np.hypot(velocities[:, 0], velocities[:, 1])
        points_error = float(speeds[1:].std())
        own = places[0, : len(offsets)]
        residual = own - own.mean(axis=0) - offsets[:, None] * velocities[0]
        # Four numbers are fitted: a place and a velocity.
        seen = math.sqrt(float((residual * residual).sum()) / (2 * len(offsets) - 4))
        right, down = places[0, -2:] - own[-1]
        expected = self._error_px * max(math.hypot(*right), math.hypot(*down))
        feet_error = max(seen, expected) / math.sqrt(spread)
        return GroundSpeed(float(speeds[0]), math.hypot(feet_error, points_error))


def _homography(
    image: Float64[np.ndarray, "4 2"], metres: Float64[np.ndarray, "4 2"]
) -> Float64[np.ndarray, "3 3"]:
    # OpenCV takes float32, in which the northings of a map grid are exact to half a metre.
    origin = metres.mean(axis=0)
    near = cv2.getPerspectiveTransform(
        image.astype(np.float32), (metres - origin).astype(np.float32)
    )
    back = np.eye(3)
    back[:2, 2] = origin
    return np.asarray(back @ near, dtype=np.float64)


def _mapped(
    maps: Float64[np.ndarray, "M 3 3"], points: Float64[np.ndarray, "N 2"]
) -> Float64[np.ndarray, "M N 2"]:
    whole = np.matmul(points, maps[:, :, :2].transpose(0, 2, 1)) + maps[:, None, :, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(whole[..., :2] / whole[..., 2:])


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
