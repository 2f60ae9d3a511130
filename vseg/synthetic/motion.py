"""Time in, place out: where the camera, the objects and the light of a synthetic scene are.

Everything is a closed form of the frame index, so that any frame of a scene of any length can
be drawn on its own: waves never end and a bounce is a folded straight line.  Lengths are
world pixels; the world is the first frame's plane, x right, y down, and the camera maps it to
the frame.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

Affine = Float64[np.ndarray, "2 3"]


@dataclass(frozen=True, slots=True)
class Wave:
    """A sum of sines, one per amplitude; periods are in frames, phases in radians."""

    amplitudes: tuple[float, ...]
    periods: tuple[float, ...]
    phases: tuple[float, ...]

    def at(self, time: float) -> float:
        """The wave's value at `time` (frames, fractions allowed)."""
        return math.fsum(
            a * math.sin(2 * math.pi * time / p + f)
            for a, p, f in zip(self.amplitudes, self.periods, self.phases, strict=True)
        )


def draw_wave(
    rng: np.random.Generator, amplitude: float, period: tuple[float, float], terms: int = 2
) -> Wave:
    """A random wave whose value stays within +-amplitude; each further term is half as
    strong.
    """
    # Periods in a ratio of 0.6 do not repeat together for long.
    shares = [0.5**k for k in range(terms)]
    return Wave(
        tuple(amplitude * share / sum(shares) for share in shares),
        tuple(float(rng.uniform(*period)) * 0.6**k for k in range(terms)),
        tuple(float(f) for f in rng.uniform(0, 2 * math.pi, terms)),
    )


@dataclass(frozen=True, slots=True)
class Oscillation:
    """Motion along one axis on a wave around `centre`."""

    centre: float
    wave: Wave

    def at(self, time: float) -> float:
        """The coordinate at `time`, in world pixels."""
        return self.centre + self.wave.at(time)


@dataclass(frozen=True, slots=True)
class Bounce:
    """Motion along one axis at constant speed between two walls."""

    start: float
    speed: float
    low: float
    high: float

    def at(self, time: float) -> float:
        """The coordinate at `time`: a straight line folded at the walls, in world pixels."""
        # A triangle wave of period 2 * span.
        span = self.high - self.low
        phase = (self.start - self.low + self.speed * time) % (2 * span)
        return self.low + span - abs(phase - span)


@dataclass(frozen=True, slots=True)
class Waypoints:
    """Motion along one axis from waypoint to waypoint, at constant speed between two; still at
    both ends.
    """

    times: tuple[float, ...]
    places: tuple[float, ...]

    def at(self, time: float) -> float:
        """The coordinate at `time`, in world pixels."""
        return float(np.interp(time, self.times, self.places))


AxisMotion = Oscillation | Bounce | Waypoints


def oscillation_between(
    rng: np.random.Generator, start: float, reach: tuple[float, float], period: float
) -> Oscillation:
    """A sine from one end of `reach` to the other that passes `start` at time 0."""
    low, high = reach
    centre = (low + high) / 2
    amplitude = (high - low) / 2
    # Clamped: rounding may put the start a hair outside of the reach.
    phase = math.asin(min(1.0, max(-1.0, (start - centre) / amplitude)))
    if rng.random() < 0.5:
        phase = math.pi - phase
    return Oscillation(centre, Wave((amplitude,), (period,), (phase,)))


@dataclass(frozen=True, slots=True)
class Motion:
    """The pose of one object over time: place, turn, size and squash.

    radius: world pixels of one unit of the object's outline.
    """

    x: AxisMotion
    y: AxisMotion
    radius: float
    angle: float
    spin: float
    turn: Wave
    swell: Wave
    squash: Wave

    def at(self, time: float) -> Affine:
        """The map from the object's own coordinates to the world."""
        angle = self.angle + self.spin * time + self.turn.at(time)
        size = self.radius * math.exp(self.swell.at(time))
        squash = math.exp(self.squash.at(time))
        cos = math.cos(angle)
        sin = math.sin(angle)
        # The area stays as it is.
        along = size * squash
        across = size / squash
        return np.array(
            [
                [cos * along, -sin * across, self.x.at(time)],
                [sin * along, cos * across, self.y.at(time)],
            ]
        )


@dataclass(frozen=True, slots=True)
class HandheldCamera:
    """A hand-held camera that pans, rolls and zooms about the middle of a height x width
    frame.
    """

    height: int
    width: int
    pan_x: Wave
    pan_y: Wave
    roll: Wave
    zoom: Wave

    def at(self, time: float, parallax: float = 1.0) -> Affine:
        """The map from the world to the frame; near objects (parallax > 1) pan by more."""
        zoom = math.exp(self.zoom.at(time))
        roll = self.roll.at(time)
        cos = zoom * math.cos(roll)
        sin = zoom * math.sin(roll)
        middle_x = (self.width - 1) / 2
        middle_y = (self.height - 1) / 2
        from_x = middle_x + parallax * self.pan_x.at(time)
        from_y = middle_y + parallax * self.pan_y.at(time)
        return np.array(
            [
                [cos, -sin, middle_x - cos * from_x + sin * from_y],
                [sin, cos, middle_y - sin * from_x - cos * from_y],
            ]
        )


def draw_camera(
    rng: np.random.Generator, height: int, width: int, strength: float
) -> HandheldCamera:
    """A random camera; strength 0 stands still, 1 pans over about a tenth of the frame."""
    short = min(height, width)
    # A hand trembles two to four times a second at 25 frames/s.
    shake = tuple(float(p) for p in rng.uniform(7, 13, 2))

    def with_shake(wave: Wave, period: float) -> Wave:
        return Wave(
            (*wave.amplitudes, 0.0015 * short * strength),
            (*wave.periods, period),
            (*wave.phases, 0.0),
        )

    return HandheldCamera(
        height,
        width,
        with_shake(draw_wave(rng, 0.10 * width * strength, (110.0, 220.0)), shake[0]),
        with_shake(draw_wave(rng, 0.07 * height * strength, (110.0, 220.0)), shake[1]),
        draw_wave(rng, 0.05 * strength, (90.0, 180.0)),
        draw_wave(rng, 0.12 * strength, (120.0, 240.0)),
    )


def compose(outer: Affine, inner: Affine) -> Affine:
    """The map that applies `inner` first and `outer` after it."""
    linear = outer[:, :2] @ inner[:, :2]
    offset = outer[:, :2] @ inner[:, 2] + outer[:, 2]
    return np.column_stack([linear, offset])


def apply(affine: Affine, points: Float64[np.ndarray, "N 2"]) -> Float64[np.ndarray, "N 2"]:
    """The points, mapped."""
    return np.asarray(points @ affine[:, :2].T + affine[:, 2])
