"""A street on which cars or people pass, one after another, with exact truth.

Enters: what passes, and a seed.  Leaves: frames with label maps.  Figures are drawn, or cut
from images of a dataset zip; they move along two lanes in both directions before a background
of `vseg.synthetic`, and some stand parked beside the lanes.  Proportions and times are round
values, chosen by eye; not tuned.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from vseg.synthetic import TrueFrame
from vseg.synthetic.backdrop import draw_backdrop, draw_grain
from vseg.synthetic.texture import colour, draw_palette, draw_texture, fractal_noise
from vseg.types import Frame

HEIGHT = 240
WIDTH = 426
FPS = 25
# Figures are drawn this many times larger than they are shown.
_FINE = 4
_PHASES = 8  # of a step, of who walks
_STEP_FRAMES = 2  # frames from one phase to the next

Patch = Float32[np.ndarray, "h w 4"]


@dataclass(frozen=True, slots=True)
class Figure:
    """What passes: RGB and coverage (0 to 1) of each phase of its movement, facing right."""

    phases: tuple[Patch, ...]

    @property
    def area(self) -> float:
        """Pixels that it covers in full view."""
        return float((self.phases[0][..., 3] > 0.5).sum())


@dataclass(frozen=True, slots=True)
class Passage:
    """One figure on its way.  begin: the frame on which it is at `start`; feet: its lowest row;
    speed: pixels per frame along x, negative to the left, 0 parked.
    """

    object_id: int
    figure: Figure
    begin: float
    start: float
    speed: float
    feet: float


@dataclass(frozen=True, slots=True)
class Street:
    """kind: "cars" or "people".  alike: all are of one shape and surface.  figures: to choose
    from, in place of drawn ones.  Odd seeds give upright frames, which are crossed from top to
    bottom.
    """

    seed: int
    kind: str
    alike: bool
    passing: int = 4
    parked: int = 2
    figures: tuple[Patch, ...] = ()


class StreetScene:
    """The frames of one street, drawn when asked for."""

    def __init__(self, street: Street) -> None:
        rng = np.random.default_rng((street.seed, street.kind == "cars", street.alike))
        self._upright = street.seed % 2 == 1
        self._background = _background(rng)
        self._grain = draw_grain(rng, HEIGHT, WIDTH, 2.0)
        self.passages = tuple(_passages(rng, street))
        ends = [_leaves_at(one) for one in self.passages if one.speed]
        self.num_frames = math.ceil(max(ends)) + 6
        self.street = street

    def __iter__(self) -> Iterator[TrueFrame]:
        return (self.draw(index) for index in range(self.num_frames))

    def draw(self, index: int) -> TrueFrame:
        """A frame and its label map: the id of what is visible at a pixel, 0 for none."""
        image = self._background.astype(np.float32)
        labels = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
        for passage in sorted(self.passages, key=lambda one: one.feet):
            _paint(image, labels, passage, index)
        rng = np.random.default_rng((self.street.seed, index))
        pixels = self._grain.on(image.round().astype(np.uint8), rng)
        if self._upright:
            pixels = np.ascontiguousarray(pixels.transpose(1, 0, 2))
            labels = np.ascontiguousarray(labels.T)
        return TrueFrame(Frame(index, pts=index, time_s=index / FPS, image=pixels), labels)


def _background(rng: np.random.Generator) -> UInt8[np.ndarray, "H W 3"]:
    """Houses or trees, and before them a road with a line."""
    far = draw_backdrop(rng, HEIGHT, WIDTH)
    image = far.canvas[-int(far.top) :, -int(far.left) :][:HEIGHT, :WIDTH].copy()
    road = round(0.42 * HEIGHT)
    noise = 0.3 * fractal_noise(rng, HEIGHT - road, WIDTH, 5.0, 0.8)
    image[road:] = colour(noise, draw_palette(rng, 2, vivid=0.15))
    for x in range(0, WIDTH, 60):
        cv2.rectangle(image, (x, 172), (x + 26, 175), (200, 200, 190), cv2.FILLED)
    return image


def _passages(rng: np.random.Generator, street: Street) -> Iterator[Passage]:
    same = _figure(rng, street) if street.alike else None
    for k in range(street.parked):
        figure = same or _figure(rng, street)
        place = WIDTH * (k + 0.2 + 0.6 * float(rng.random())) / street.parked
        yield Passage(k + 1, _scaled(figure, 0.75), 0.0, place, 0.0, 0.46 * HEIGHT)
    # Who comes first is half in view on the first frame, or nothing would be to be detected.
    begin = -12.0
    for k in range(street.passing):
        figure = same or _figure(rng, street)
        leftward = bool(rng.random() < 0.5)
        figure = figure if leftward else _scaled(figure, 0.85)
        width = figure.phases[0].shape[1]
        speed = (WIDTH + width) / float(rng.uniform(45, 75))
        start = WIDTH + width / 2 if leftward else -width / 2
        feet = HEIGHT * (0.97 if leftward else 0.74) + float(rng.uniform(-4, 4))
        object_id = street.parked + k + 1
        yield Passage(object_id, figure, begin, start, -speed if leftward else speed, feet)
        # From half the way of this one, so that two are in view, to after it has left.
        begin += float(rng.uniform(0.4, 1.3)) * (WIDTH + width) / speed


def _leaves_at(passage: Passage) -> float:
    width = passage.figure.phases[0].shape[1]
    return float(passage.begin + (WIDTH + width) / abs(passage.speed))


def _figure(rng: np.random.Generator, street: Street) -> Figure:
    side = 0.34 * HEIGHT if street.kind == "cars" else 0.5 * HEIGHT
    side *= float(rng.uniform(0.85, 1.1))
    if street.figures:
        patch = street.figures[int(rng.integers(len(street.figures)))]
        return _resized((patch,), side)
    if street.kind == "cars":
        return _resized((_car(rng),), side)
    return _resized(_person(rng), side)


def _resized(patches: tuple[Patch, ...], height: float) -> Figure:
    scale = height / patches[0].shape[0]
    return Figure(tuple(_smaller(patch, scale) for patch in patches))


def _scaled(figure: Figure, scale: float) -> Figure:
    return Figure(tuple(_smaller(patch, scale) for patch in figure.phases))


def _smaller(patch: Patch, scale: float) -> Patch:
    # Premultiplied, so that no colour from outside bleeds in.
    full = patch.copy()
    full[..., :3] *= full[..., 3:]
    shape = (max(2, round(patch.shape[1] * scale)), max(2, round(patch.shape[0] * scale)))
    small = np.asarray(cv2.resize(full, shape, interpolation=cv2.INTER_AREA), np.float32)
    small[..., :3] /= np.maximum(small[..., 3:], np.float32(1e-3))
    return small


def _canvas(height: int, width: int) -> Patch:
    return np.zeros((height * _FINE, width * _FINE, 4), np.float32)


def _fill(canvas: Patch, corners: Sequence[tuple[float, float]], rgb: np.ndarray) -> None:
    points = np.rint(np.array(corners) * _FINE).astype(np.int32)
    cv2.fillPoly(canvas, [points], (*map(float, rgb), 1.0))


def _disc(canvas: Patch, x: float, y: float, radius: float, rgb: np.ndarray) -> None:
    centre = (round(x * _FINE), round(y * _FINE))
    cv2.circle(canvas, centre, round(radius * _FINE), (*map(float, rgb), 1.0), cv2.FILLED)


def _car(rng: np.random.Generator) -> Patch:
    """A car from its side, 160 x 62, in proportions of its own."""
    canvas = _canvas(62, 160)
    paint, trim = draw_palette(rng, 2)[0].astype(np.float32)
    glass = np.array([40, 50, 60], np.float32) + float(rng.uniform(0, 60))
    tyre = np.array([25, 25, 28], np.float32)
    front = float(rng.uniform(20, 50))
    back = float(rng.uniform(4, 40))
    hood = float(rng.uniform(24, 32))
    roof = float(rng.uniform(2, 10))
    cabin = [(back, hood), (back + 12, roof), (150 - front - 20, roof), (150 - front, hood)]
    _fill(canvas, cabin, paint)
    body = [(3, hood + 4), (8, hood), (146, hood), (157, hood + 8), (158, 50), (2, 50)]
    _fill(canvas, body, paint)
    middle = float(rng.uniform(0.4, 0.6)) * (150 - front - 20 - back - 12) + back + 12
    _fill(
        canvas,
        [(back + 8, hood - 1), (back + 16, roof + 4), (middle, roof + 4), (middle, hood - 1)],
        glass,
    )
    far = 150 - front
    _fill(
        canvas,
        [
            (middle + 4, hood - 1),
            (middle + 4, roof + 4),
            (far - 23, roof + 4),
            (far - 7, hood - 1),
        ],
        glass,
    )
    _fill(canvas, [(2, 43), (158, 43), (158, 50), (2, 50)], trim)
    _fill(canvas, [(151, 36), (157, 36), (157, 42), (151, 42)], np.array([240, 240, 200.0]))
    _fill(canvas, [(2, 34), (7, 34), (7, 41), (2, 41)], np.array([190, 20, 20.0]))
    for x in (30.0, 128.0):
        _disc(canvas, x, 49, 12, tyre)
        _disc(canvas, x, 49, 6, np.array([150, 150, 155.0]))
    return canvas


def _person(rng: np.random.Generator) -> tuple[Patch, ...]:
    """Somebody who walks, 56 x 130, in the phases of a step."""
    top = draw_texture(rng, 64 * _FINE)[:, : 40 * _FINE].astype(np.float32)
    trousers, hair = draw_palette(rng, 2, vivid=0.7)[0].astype(np.float32)
    skin = np.array([1.0, 0.78, 0.62]) * float(rng.uniform(90, 240))
    girth = float(rng.uniform(9, 14))
    return tuple(
        _walking(top, (trousers, hair, skin), girth, 2 * math.pi * k / _PHASES)
        for k in range(_PHASES)
    )


def _walking(
    top: Float32[np.ndarray, "h w 3"], rgb: tuple[np.ndarray, ...], girth: float, phase: float
) -> Patch:
    trousers, hair, skin = rgb
    canvas = _canvas(130, 56)
    swing = 0.42 * math.sin(phase)
    for side in (-swing, swing):
        foot = (28 + 50 * math.sin(side), 72 + 50 * math.cos(side))
        _limb(canvas, (28, 72), foot, 9, trousers)
    torso = _canvas(130, 56)
    centre = (28 * _FINE, 50 * _FINE)
    axes = (round(girth * _FINE), 29 * _FINE)
    cv2.ellipse(torso, centre, axes, 0, 0, 360, (1.0, 1.0, 1.0, 1.0), cv2.FILLED)
    here = torso[..., 3] > 0
    sheet = np.zeros_like(canvas)
    sheet[18 * _FINE : 82 * _FINE, 8 * _FINE : 48 * _FINE, :3] = top
    sheet[..., 3] = 1.0
    canvas[here] = sheet[here]
    for side in (swing,):
        hand = (28 + 36 * math.sin(side), 34 + 36 * math.cos(side))
        _limb(canvas, (28, 34), hand, 6, 0.8 * top.mean(axis=(0, 1)))
        _disc(canvas, *hand, 4, skin)
    _disc(canvas, 28, 13, 10, hair)
    _disc(canvas, 31, 15, 8, skin)
    return canvas


def _limb(
    canvas: Patch,
    start: tuple[float, float],
    end: tuple[float, float],
    width: float,
    rgb: np.ndarray,
) -> None:
    ends = [tuple(round(v * _FINE) for v in point) for point in (start, end)]
    cv2.line(canvas, ends[0], ends[1], (*map(float, rgb), 1.0), round(width * _FINE))


def _paint(
    image: Float32[np.ndarray, "H W 3"],
    labels: UInt8[np.ndarray, "H W"],
    passage: Passage,
    index: int,
) -> None:
    """Paint one figure into the image and its id into the labels, both in place."""
    phases = passage.figure.phases
    moving = passage.speed != 0
    patch = phases[index // _STEP_FRAMES % len(phases) if moving else 0]
    if passage.speed < 0:
        patch = patch[:, ::-1]
    x = passage.start + passage.speed * (index - passage.begin) - patch.shape[1] / 2
    y = passage.feet - patch.shape[0]
    if x >= WIDTH or x + patch.shape[1] <= 0:
        return
    shift = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
    full = patch.copy()
    full[..., :3] *= full[..., 3:]
    placed = cv2.warpAffine(full, shift, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    cover = placed[..., 3:]
    image *= 1 - cover
    image += placed[..., :3]
    labels[cover[..., 0] > 0.5] = passage.object_id
