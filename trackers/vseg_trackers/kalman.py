"""Constant-velocity Kalman filters of many boxes at once, in real time.

Enters: boxes and the seconds between them.  Leaves: predicted and corrected boxes.  Centre x,
centre y, width and height of a box are four independent filters of position and velocity
(Bar-Shalom, Li, Kirubarajan 2001, section 6.2.2: white-noise acceleration), so a 2 x 2
covariance in closed form replaces the usual 8 x 8 matrices, and every line below works on all
tracks together.  Noise is relative to the box's size, as in Wojke et al., ICIP 2017; unlike
there, it grows with elapsed time, not with frames.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from vseg_trackers.common_motion import CommonMotion, common_motion

# One product is quicker than six sums of columns: x1 y1 x2 y2 to centre x, y, width, height.
_TO_CENTRED = np.array([[0.5, 0, -1, 0], [0, 0.5, 0, -1], [0.5, 0, 1, 0], [0, 0.5, 0, 1]])
_TO_SIDE = np.array([[0.0], [0], [0.5], [0.5]])
_TO_CORNERS = np.linalg.inv(_TO_CENTRED)


@dataclass(frozen=True, slots=True)
class MotionConfig:
    """Standard deviations relative to the box's size (mean of width and height).

    measured: of a detection's centre and of its width or height.  speed: of a new track, per
    second.  jolt: square root of the acceleration's power, per second^1.5.  size_speed,
    size_jolt: the same for width and height.
    """

    measured: float = 0.08
    measured_size: float = 0.03
    speed: float = 1.5
    jolt: float = 3.0
    size_speed: float = 0.7
    size_jolt: float = 0.4


class BoxMotion:
    """The filters of all tracks, one row each, over centre x, centre y, width and height."""

    def __init__(self, config: MotionConfig) -> None:
        self._measured = np.array([config.measured] * 2 + [config.measured_size] * 2) ** 2
        self._speed = np.array([config.speed] * 2 + [config.size_speed] * 2) ** 2
        self._jolt = np.array([config.jolt] * 2 + [config.size_jolt] * 2) ** 2
        # State: position, velocity, and the covariance's three entries, one plane each.
        self.planes = np.zeros((5, 0, 4))

    def __len__(self) -> int:
        return self.planes.shape[1]

    @property
    def boxes(self) -> Float[np.ndarray, "T 4"]:
        """Where each track is now, x1 y1 x2 y2."""
        return np.asarray(self.planes[0] @ _TO_CORNERS)

    @property
    def velocity(self) -> Float[np.ndarray, "T 2"]:
        """Of each track's centre, pixels per second."""
        return np.asarray(self.planes[1, :, :2])

    def add(self, boxes: Float[np.ndarray, "N 4"], shared: CommonMotion | None = None) -> None:
        """Start a track at each box, at rest or with the motion that it shares with others."""
        centred = boxes @ _TO_CENTRED
        scale = _scale(centred)
        planes = np.zeros((5, len(boxes), 4))
        planes[0] = centred
        planes[2] = self._measured * scale
        planes[4] = self._speed * scale
        if shared is not None:
            planes[1, :, :2] = shared.velocity
            planes[4, :, :2] += shared.variance
        self.planes = np.concatenate([self.planes, planes], axis=1)

    def shared(self, rows: Int[np.ndarray, " K"]) -> CommonMotion:
        """What the motion of tracks `rows`, at least one, has in common.  On its own, each
        moves as a new track may.
        """
        p, v, _, _, vv = self.planes.take(rows, axis=1)
        return common_motion(v[:, :2], vv[:, :2] + self._speed[:2] * _scale(p))

    def keep(self, which: Bool[np.ndarray, " T"]) -> None:
        """Forget the tracks that are not marked."""
        self.planes = self.planes.compress(which, axis=1)

    def predict(self, dt_s: float) -> None:
        """Move every track `dt_s` seconds on.  A side that shrinks stops at half of what it
        was.
        """
        self._predict(self.planes, dt_s)

    def predict_each(self, dt_s: Float[np.ndarray, " K"], rows: Int[np.ndarray, " K"]) -> None:
        """Move tracks `rows` on, each by its own time."""
        chosen = self.planes.take(rows, axis=1)
        self._predict(chosen, dt_s[:, None])
        self.planes[:, rows] = chosen

    def _predict(
        self, planes: Float[np.ndarray, "5 K 4"], dt_s: float | Float[np.ndarray, "K 1"]
    ) -> None:
        p, v, pp, pv, vv = planes
        noise = self._jolt * _scale(p)
        half = p[:, 2:] / 2
        p += v * dt_s
        np.maximum(p[:, 2:], half, out=p[:, 2:])
        pp += dt_s * (2 * pv + dt_s * (vv + noise * (dt_s / 3)))
        noise *= dt_s
        pv += dt_s * (vv + noise / 2)
        vv += noise

    def follow(self, camera: Float[np.ndarray, "2 3"]) -> None:
        """Move every track with the image: a point x of the previous frame is at A x + t now.

        camera: [A | t].  Boxes stay upright; their sides, and what is uncertain, grow with the
        scale.
        """
        turn = camera[:, :2]
        scale = _growth(camera)
        self.planes[:2, :, :2] = self.planes[:2, :, :2] @ turn.T
        self.planes[0, :, :2] += camera[:, 2]
        self.planes[:2, :, 2:] *= scale
        self.planes[2:] *= scale * scale

    def deviations(
        self, rows: Int[np.ndarray, " K"], boxes: Float[np.ndarray, "K 4"]
    ) -> Float[np.ndarray, " K"]:
        """How far each box's centre is from where its track may be, in standard deviations."""
        measured = boxes @ _TO_CENTRED
        p, _, pp, _, _ = self.planes[:, rows]
        spread = pp + self._measured * _scale(measured)
        return np.asarray(np.sqrt(((measured - p) ** 2 / spread)[:, :2].sum(axis=1)))

    def correct(self, rows: Int[np.ndarray, " K"], boxes: Float[np.ndarray, "K 4"]) -> None:
        """Take `boxes` as the measurement of tracks `rows`."""
        chosen = self.planes.take(rows, axis=1)
        self._correct(chosen, boxes @ _TO_CENTRED)
        self.planes[:, rows] = chosen

    def _correct(
        self, planes: Float[np.ndarray, "5 K 4"], measured: Float[np.ndarray, "K 4"]
    ) -> None:
        p, v, pp, pv, vv = planes
        spread = pp + self._measured * _scale(measured)
        gain_p = pp / spread
        gain_v = pv / spread
        off = measured - p
        p += gain_p * off
        v += gain_v * off
        vv -= gain_v * pv
        planes[2:4] *= 1 - gain_p

    def replay(self, rows: Int[np.ndarray, " K"], path: "Path", now_s: float) -> None:
        """Filter tracks `rows` again from an earlier state on, as if they had been detected on
        the way.

        They end predicted to `now_s`.
        """
        order = path.last_s.argsort()  # so that those already under way come first
        planes = path.planes[:, order]
        last_s = path.last_s[order, None]
        begin = (path.begin @ _TO_CENTRED)[order]
        whole = ((path.end @ _TO_CENTRED)[order] - begin) / (now_s - last_s)
        under_way = np.searchsorted(last_s[:, 0], path.times_s, side="left").tolist()
        at_s = last_s.copy()
        for time_s, num in zip(path.times_s, under_way, strict=True):
            part = planes[:, :num]
            self._predict(part, time_s - at_s[:num])
            self._correct(part, begin[:num] + (time_s - last_s[:num]) * whole[:num])
            at_s[:num] = time_s
        self._predict(planes, now_s - at_s)
        self.planes[:, rows[order]] = planes


@dataclass(frozen=True, slots=True)
class Path:
    """Straight lines: each track from `begin` at `last_s`, in the state `planes`, to `end`
    now.

    times_s: the frames on the way, for a track those after its last_s.
    """

    planes: Float[np.ndarray, "5 K 4"]
    begin: Float[np.ndarray, "K 4"]
    end: Float[np.ndarray, "K 4"]
    last_s: Float[np.ndarray, " K"]
    times_s: list[float]


def moved_boxes(
    boxes: Float[np.ndarray, "*N 4"], camera: Float[np.ndarray, "2 3"]
) -> Float[np.ndarray, "*N 4"]:
    """Boxes after the image moved as in `BoxMotion.follow`; upright, scaled about their
    centres.
    """
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2 @ camera[:, :2].T + camera[:, 2]
    half = (boxes[..., 2:] - boxes[..., :2]) * (_growth(camera) / 2)
    return np.concatenate([centre - half, centre + half], axis=-1)


def _growth(camera: Float[np.ndarray, "2 3"]) -> float:
    return float(np.sqrt(abs(np.linalg.det(camera[:, :2]))))


def _scale(centred: Float[np.ndarray, "N 4"]) -> Float[np.ndarray, "N 1"]:
    """The square of a box's mean side, pixels^2, at least 1."""
    side = np.maximum(centred @ _TO_SIDE, 1.0)
    side *= side
    return np.asarray(side)
