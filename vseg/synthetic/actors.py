"""A configuration in, the shots of its scene out: objects, trajectories, occluders, backdrop.

Every random choice has its own generator, keyed by the seed, what is chosen, the shot and the
object, so that one object more or less leaves the others as they were.  Ranges without a
source are round values, chosen by eye; not tuned.
"""

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from vseg.synthetic.backdrop import (
    Backdrop,
    Grain,
    Lighting,
    draw_backdrop,
    draw_grain,
    draw_lighting,
)
from vseg.synthetic.config import SceneConfig
from vseg.synthetic.motion import (
    AxisMotion,
    Bounce,
    HandheldCamera,
    Motion,
    Oscillation,
    Wave,
    draw_camera,
    draw_wave,
    oscillation_between,
)
from vseg.synthetic.render import Light, Sprite
from vseg.synthetic.shape import Outline, draw_outline, rigid, varied
from vseg.synthetic.texture import Colours, draw_texture


class Key(IntEnum):
    """What a random generator is for.  A changed number changes every scene."""

    BODY = 1
    VARIATION = 2
    PATH = 3
    PLACES = 4
    ORDER = 5
    BACKDROP = 6
    CAMERA = 7
    LIGHT = 8
    GRAIN = 9
    OCCLUDER = 10
    GRAIN_PLACE = 11
    PLACED_OCCLUDER = 12


def generator(seed: int, *key: int) -> np.random.Generator:
    """The generator of one choice; the same on every machine and in every process."""
    return np.random.default_rng((seed, *key))


@dataclass(frozen=True, slots=True)
class Shot:
    """Everything that stays the same between two cuts.  sprites: far to near."""

    backdrop: Backdrop
    camera: HandheldCamera
    lighting: Lighting
    light: Light
    sprites: tuple[Sprite, ...]


# The longer side of an object, in shares of the frame's short side, before `size`.
_REACH = (0.13, 0.30)
_TEXTURE_SIDES = (32, 512)  # pixels
_PLACE_CANDIDATES = 16
_STILL = Wave((), (), ())


@dataclass(frozen=True, slots=True)
class _Body:
    """An object without its motion.  radius: world pixels of one unit of its outline."""

    outline: Outline
    surface: Colours
    radius: float

    @property
    def reach_px(self) -> float:
        return self.outline.reach * self.radius


def draw_shots(config: SceneConfig) -> tuple[Shot, ...]:
    """The scene's one or two shots; the objects are the same ones in both."""
    bodies = [_draw_body(config, k) for k in range(config.num_objects)]
    shots = 1 if config.cut_at is None else 2
    return tuple(_draw_shot(config, bodies, shot) for shot in range(shots))


def draw_scene_grain(config: SceneConfig) -> Grain:
    """The scene's sensor noise."""
    return draw_grain(
        generator(config.seed, Key.GRAIN), config.height, config.width, config.noise
    )


def _draw_shot(config: SceneConfig, bodies: list[_Body], shot: int) -> Shot:
    seed = config.seed
    light = generator(seed, Key.LIGHT, shot)
    angle = float(light.uniform(0, 2 * math.pi))
    starts = _draw_places(config, shot, len(bodies))
    objects = [
        Sprite(
            k + 1, body.outline, body.surface, _draw_motion(config, body, starts[k], (shot, k))
        )
        for k, body in enumerate(bodies)
    ]
    # Ranks, not a permutation: one object more leaves the others in their order.
    order = np.argsort(generator(seed, Key.ORDER, shot).random(len(objects)))
    occluders = [_draw_occluder(config, shot, k) for k in range(config.occluders)]
    posts = [
        _draw_placed_occluder(config, shot, k) for k in range(len(config.placed_occluders))
    ]
    return Shot(
        draw_backdrop(generator(seed, Key.BACKDROP, shot), config.height, config.width),
        draw_camera(
            generator(seed, Key.CAMERA, shot),
            config.height,
            config.width,
            config.camera_motion,
        ),
        draw_lighting(light, config.lighting),
        Light(math.cos(angle), math.sin(angle), float(light.uniform(0.5, 1.0))),
        (*(objects[k] for k in order), *occluders, *posts),
    )


def _draw_body(config: SceneConfig, index: int) -> _Body:
    rng = generator(config.seed, Key.BODY, 0 if config.look_alikes else index)
    outline = draw_outline(rng)
    short = min(config.height, config.width)
    # Of a limbed shape the body is the smaller part: the whole decides the size.
    least, most = _REACH
    reach = short * config.size * math.exp(rng.uniform(math.log(least), math.log(most)))
    radius = reach / math.sqrt(outline.reach)
    surface = draw_texture(rng, _texture_side(outline.reach * radius))
    if config.look_alikes and index > 0:
        outline = varied(outline, generator(config.seed, Key.VARIATION, index))
    return _Body(outline, surface, radius)


def _texture_side(reach_px: float) -> int:
    """The side that gives about one texel per pixel."""
    smallest, largest = _TEXTURE_SIDES
    return int(min(largest, max(smallest, 2 * reach_px)))


def _draw_places(config: SceneConfig, shot: int, count: int) -> list[tuple[float, float]]:
    """Starting places: one by one, the farthest of some random candidates from those before
    (Mitchell 1991, best candidate).
    """
    rng = generator(config.seed, Key.PLACES, shot)
    places: list[tuple[float, float]] = []
    for _ in range(count):
        shape = (_PLACE_CANDIDATES, 2)
        candidates = rng.uniform(0.2, 0.8, shape) * (config.width, config.height)
        taken = np.array(places).reshape(-1, 2)
        distances = np.linalg.norm(candidates[:, None] - taken[None], axis=2)
        best = candidates[int(np.argmax(distances.min(axis=1, initial=np.inf)))]
        places.append((float(best[0]), float(best[1])))
    return places


def _draw_motion(
    config: SceneConfig, body: _Body, start: tuple[float, float], key: tuple[int, int]
) -> Motion:
    rng = generator(config.seed, Key.PATH, *key)
    x, y = _draw_trajectory(rng, config, start)
    if config.trajectories:
        x, y = config.trajectories[key[1]].motions(config.height, config.width)
    elif config.leave_and_return and key[1] % 2 == 0:
        x = _leaving(rng, config, body, start[0])
    pace = max(config.speed, 1e-3)
    wobble = (40 / pace, 110 / pace)
    return Motion(
        x,
        y,
        body.radius,
        float(rng.uniform(0, 2 * math.pi)),
        float(rng.choice([0.0, 0.02])) * config.speed * float(rng.uniform(-1, 1)),
        draw_wave(rng, 0.6, wobble),
        draw_wave(rng, 0.2, wobble),
        draw_wave(rng, 0.25, wobble),
    )


def _draw_trajectory(
    rng: np.random.Generator, config: SceneConfig, start: tuple[float, float]
) -> tuple[AxisMotion, AxisMotion]:
    """Motion along x and y from `start`, bouncing or oscillating, mostly within the frame."""
    sides = (config.width, config.height)
    if config.speed == 0:
        return Oscillation(start[0], _STILL), Oscillation(start[1], _STILL)
    if rng.random() < 0.5:
        heading = rng.uniform(0, 2 * math.pi)
        pace = config.speed * 0.01 * min(sides) * rng.uniform(0.5, 1.5)
        speeds = (pace * math.cos(heading), pace * math.sin(heading))
        x, y = (
            Bounce(start[k], float(speeds[k]), 0.1 * sides[k], 0.9 * sides[k])
            for k in range(2)
        )
        return x, y
    reach = [0.5 * sides[k] * rng.uniform(0.35, 0.8) for k in range(2)]
    middle = [
        min(max(sides[k] / 2, start[k] - 0.9 * reach[k]), start[k] + 0.9 * reach[k])
        for k in range(2)
    ]
    periods = rng.uniform(90, 220, 2) / config.speed
    return (
        oscillation_between(
            rng, start[0], (middle[0] - reach[0], middle[0] + reach[0]), periods[0]
        ),
        oscillation_between(
            rng, start[1], (middle[1] - reach[1], middle[1] + reach[1]), periods[1]
        ),
    )


def _leaving(
    rng: np.random.Generator, config: SceneConfig, body: _Body, start: float
) -> Oscillation:
    """Motion across the nearer side of the frame, far enough for no part to stay visible."""
    width = config.width
    # The body may swell by a third, and the camera may pan after it and zoom out.
    outside = 1.35 * body.reach_px + (0.12 + 0.1 * config.camera_motion) * width
    inside = 0.35 * width
    period = float(rng.uniform(100, 140)) / max(config.speed, 0.25)
    if start > width / 2:
        return oscillation_between(rng, start, (inside, width + outside), period)
    return oscillation_between(rng, start, (-outside, width - inside), period)


def _draw_occluder(config: SceneConfig, shot: int, index: int) -> Sprite:
    """A still occluder nearer than every object: a blob or a tall post."""
    rng = generator(config.seed, Key.OCCLUDER, shot, index)
    short = min(config.height, config.width)
    outline = rigid(draw_outline(rng))
    radius = short * float(rng.uniform(0.06, 0.13))
    post = rng.random() < 0.65
    if post:
        outline = Outline((), (), 0.0)
        radius = 0.25 * short
    radius *= config.occluder_size
    squash = float(rng.uniform(1.3, 1.7)) if post else 0.0
    place = (index + float(rng.uniform(0.3, 0.7))) / config.occluders * config.width
    motion = Motion(
        Oscillation(place, _STILL),
        Oscillation(float(rng.uniform(0.3, 0.7)) * config.height, _STILL),
        radius,
        math.pi / 2 + float(rng.uniform(-0.15, 0.15)) if post else float(rng.uniform(0, 6.28)),
        0.0,
        _STILL,
        _STILL,
        Wave((squash,), (math.inf,), (math.pi / 2,)),
    )
    surface = draw_texture(rng, _texture_side(outline.reach * radius), vivid=0.7)
    return Sprite(0, outline, surface, motion, parallax=1.3)


def _draw_placed_occluder(config: SceneConfig, shot: int, index: int) -> Sprite:
    """A tall post at a given place: a circle squashed until its sides are nearly straight."""
    rng = generator(config.seed, Key.PLACED_OCCLUDER, shot, index)
    occluder = config.placed_occluders[index]
    half_width = occluder.width * config.width / 2
    half_height = 2.0 * config.height
    radius = math.sqrt(half_width * half_height)
    motion = Motion(
        Oscillation(occluder.x * config.width, _STILL),
        Oscillation(0.5 * config.height, _STILL),
        radius,
        math.pi / 2,
        0.0,
        _STILL,
        _STILL,
        Wave((math.log(half_height / half_width) / 2,), (math.inf,), (math.pi / 2,)),
    )
    surface = draw_texture(rng, _texture_side(radius), vivid=0.7)
    return Sprite(0, Outline((), (), 0.0), surface, motion)
