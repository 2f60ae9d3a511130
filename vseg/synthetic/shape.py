"""A seed in, outlines out: the shapes of a synthetic scene's objects, deforming over time.

A body is a closed smooth curve, the unit circle with a few harmonics of its radius; it may
carry bending limbs (thin parts are what masks lose first) and a hole.  Coordinates are the
object's own: the body's mean radius is 1.  Ranges are round values, chosen by eye; not tuned.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from vseg.synthetic.motion import Wave, draw_wave

# The axis has no name: a list holds polygons of different lengths.
Polygon = Float64[np.ndarray, "_ 2"]

# The body reaches the radius MAX_RADIUS at most; limbs grow from inside it.
MIN_RADIUS = 0.4
MAX_RADIUS = 1.6
LIMB_ROOT = 0.6
# Points that draw a smooth curve at the sizes of a frame: of a body, along a limb, on its tip.
_BODY_POINTS = 96
_LIMB_POINTS = 9
_TIP_POINTS = 7


@dataclass(frozen=True, slots=True)
class Harmonic:
    """One term of the radius: `order` bumps around the body that swell and travel with
    time.
    """

    order: int
    amplitude: float
    phase: float
    swell: Wave
    travel: Wave


@dataclass(frozen=True, slots=True)
class Limb:
    """A tapering arm that swings about its root and bends along its length."""

    angle: float
    length: float
    half_width: float
    swing: Wave
    bend: Wave

    def at(self, time: float) -> Polygon:
        """The arm's outline."""
        along = np.linspace(0.0, 1.0, _LIMB_POINTS)
        heading = self.angle + self.swing.at(time) + self.bend.at(time) * along
        direction = np.stack([np.cos(heading), np.sin(heading)], axis=1)
        steps = np.zeros_like(direction)
        steps[1:] = direction[1:] * self.length / (_LIMB_POINTS - 1)
        root = LIMB_ROOT * np.array([math.cos(self.angle), math.sin(self.angle)])
        spine = root + np.cumsum(steps, axis=0)
        normal = np.stack([-direction[:, 1], direction[:, 0]], axis=1)
        # A little over half as wide at the tip.
        width = self.half_width * (1 - 0.45 * along[:, None])
        around = np.linspace(math.pi / 2, -math.pi / 2, _TIP_POINTS)[1:-1, None]
        tip = spine[-1] + width[-1] * (
            np.cos(around) * direction[-1] + np.sin(around) * normal[-1]
        )
        return np.concatenate([spine + width * normal, tip, (spine - width * normal)[::-1]])


@dataclass(frozen=True, slots=True)
class Outline:
    """An object's shape.  hole: radius of a hole as a share of the body's, 0 for none."""

    harmonics: tuple[Harmonic, ...]
    limbs: tuple[Limb, ...]
    hole: float

    @property
    def reach(self) -> float:
        """The farthest any part can be from the object's own origin."""
        return max(
            [MAX_RADIUS] + [LIMB_ROOT + limb.length + limb.half_width for limb in self.limbs]
        )

    def body(self, time: float) -> Polygon:
        """The closed curve of the body."""
        around = np.linspace(0, 2 * math.pi, _BODY_POINTS, endpoint=False)
        radius = np.ones_like(around)
        for term in self.harmonics:
            amplitude = term.amplitude * (1 + term.swell.at(time))
            radius += amplitude * np.cos(
                term.order * around + term.phase + term.travel.at(time)
            )
        # Bounded, so that a body neither crosses itself nor leaves its reach.
        radius = np.clip(radius, MIN_RADIUS, MAX_RADIUS)
        return np.stack([radius * np.cos(around), radius * np.sin(around)], axis=1)

    def limbs_at(self, time: float) -> list[Polygon]:
        """One polygon per limb; the object is their union with the body."""
        return [limb.at(time) for limb in self.limbs]


def draw_outline(rng: np.random.Generator) -> Outline:
    """A random shape: a plain blob, a lobed one, one with limbs, or a ring."""
    kind = rng.choice(["blob", "lobed", "limbed", "ring"], p=[0.35, 0.25, 0.32, 0.08])
    harmonics = [
        _draw_harmonic(rng, order, float(rng.uniform(0.1, 0.35)) / order)
        for order in (2, 3, 4, 5)
    ]
    if kind == "lobed":
        lobes = int(rng.integers(3, 8))
        harmonics.append(_draw_harmonic(rng, lobes, float(rng.uniform(0.14, 0.28))))
    limbs = _draw_limbs(rng) if kind == "limbed" else ()
    hole = float(rng.uniform(0.35, 0.55)) if kind == "ring" else 0.0
    return Outline(tuple(harmonics), limbs, hole)


def varied(outline: Outline, rng: np.random.Generator) -> Outline:
    """The outline of a look-alike: the same parts, a little different in proportion, that
    move out of step.
    """

    def later(wave: Wave) -> Wave:
        shift = float(rng.uniform(0, 2 * math.pi))
        return replace(wave, phases=tuple(phase + shift for phase in wave.phases))

    harmonics = tuple(
        replace(
            term,
            amplitude=term.amplitude * float(rng.uniform(0.85, 1.15)),
            swell=later(term.swell),
            travel=later(term.travel),
        )
        for term in outline.harmonics
    )
    limbs = tuple(
        replace(limb, swing=later(limb.swing), bend=later(limb.bend)) for limb in outline.limbs
    )
    return replace(outline, harmonics=harmonics, limbs=limbs)


def rigid(outline: Outline) -> Outline:
    """The outline's body as it is without any movement, and without limbs."""
    still = Wave((), (), ())
    harmonics = tuple(replace(term, swell=still, travel=still) for term in outline.harmonics)
    return Outline(harmonics, (), outline.hole)


def _draw_harmonic(rng: np.random.Generator, order: int, amplitude: float) -> Harmonic:
    return Harmonic(
        order,
        amplitude,
        float(rng.uniform(0, 2 * math.pi)),
        draw_wave(rng, 0.6, (30.0, 90.0), terms=1),
        draw_wave(rng, 0.7, (50.0, 140.0), terms=1),
    )


def _draw_limbs(rng: np.random.Generator) -> tuple[Limb, ...]:
    count = int(rng.integers(2, 6))
    first = float(rng.uniform(0, 2 * math.pi))
    half_width = float(rng.uniform(0.1, 0.22))
    length = float(rng.uniform(0.9, 1.7))
    return tuple(
        Limb(
            first + 2 * math.pi * (k + float(rng.uniform(-0.2, 0.2))) / count,
            length * float(rng.uniform(0.8, 1.1)),
            half_width,
            draw_wave(rng, 0.45, (24.0, 70.0), terms=1),
            draw_wave(rng, 0.9, (24.0, 70.0), terms=1),
        )
        for k in range(count)
    )
