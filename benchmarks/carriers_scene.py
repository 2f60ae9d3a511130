"""A thing that an arm takes, carries and lets go of, with exact truth.

Enters: cut-outs and whole images of dataset zips, and a seed.  Leaves: frames with label maps:
1 is the thing that is carried, 2 and 3 stand beside it (the same thing in three of five
scenes), 4 is the arm.  In every second scene what is carried passes before or behind the
others.  Proportions and times are round values, chosen by eye; not tuned.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from benchmarks.streets_scene import Patch
from vseg.errors import BadDataset
from vseg.synthetic import TrueFrame
from vseg.training.data.dataset_zip import TrainingDataset, joined, load_dataset
from vseg.types import Frame

HEIGHT = 256
WIDTH = 432
FRAMES = 64
ARM = 4
_LEAST_AREA = 2500
_SKIN = ((224, 172, 140), (198, 134, 98), (141, 85, 60), (240, 200, 175), (100, 65, 50))
_GRAIN = 2.5
_ARM_MIDDLE = 157  # pixels from the fingertips to the middle of the patch
_BACK_PER_FRAME = 18.0  # pixels, of an arm that comes or goes

Canvas = Float32[np.ndarray, "H W 3"]
Labels = UInt8[np.ndarray, "H W"]


@dataclass(frozen=True, slots=True)
class Things:
    """What scenes are made of."""

    cut_outs: tuple[Patch, ...]
    backgrounds: tuple[UInt8[np.ndarray, "_ _ 3"], ...]


@dataclass(frozen=True, slots=True)
class _Standing:
    patch: Patch
    x: float
    y: float
    scale: float


@dataclass(frozen=True, slots=True)
class _Arm:
    """patch: points to the right.  angle: from the thing back along the arm, in radians.

    grip: from the middle of the thing to the fingertips.  takes, leaves: frames.
    """

    patch: Patch
    angle: float
    grip: float
    scale: float
    behind: bool
    takes: int
    leaves: int


def load_things(zips: Sequence[Path]) -> Things:
    """Compact things of stills that no border cuts off, and the images of the stills.

    Raises BadDataset where there are none.
    """
    dataset: TrainingDataset = joined([load_dataset(path) for path in zips])
    cut_outs = tuple(
        _cut_out(still.images[0], still.masks[0] == object_id)
        for still in dataset.stills
        for object_id in np.unique(still.masks[0]).tolist()
        if 0 < object_id < 255 and _compact(still.masks[0] == object_id)
    )
    if not cut_outs:
        raise BadDataset(
            f"no thing of {_LEAST_AREA} pixels off the border in {', '.join(map(str, zips))}",
            hint="give --data a dataset zip with still/ images",
        )
    return Things(cut_outs, tuple(still.images[0] for still in dataset.stills))


def carried_scene(things: Things, seed: int) -> Iterator[TrueFrame]:
    """The frames of one scene."""
    rng = np.random.default_rng((11, seed))
    backdrop = _backdrop(things, rng)
    size = float(rng.uniform(0.22, 0.4)) * HEIGHT
    mine = _any(rng, things.cut_outs)
    alike = rng.random() < 0.6
    places = rng.permutation([0.25, 0.5, 0.75]) * WIDTH
    heights = 0.68 * HEIGHT + rng.uniform(-10, 10, 3)
    others = [mine if alike else _any(rng, things.cut_outs) for _ in range(2)]
    standing = [
        _Standing(patch, x, y, size / max(patch.shape[:2]))
        for patch, x, y in zip([mine, *others], places, heights, strict=True)
    ]
    arm = _drawn_arm(rng, size, _any(rng, things.cut_outs))
    way = _way(rng, standing[0], passing=seed % 2 == 1)
    for t in range(FRAMES):
        image = backdrop.copy()
        labels = np.zeros((HEIGHT, WIDTH), np.uint8)
        carried = _carried(standing[0], way, arm, t)
        for label, other in enumerate(standing[1:], start=2):
            _paste(image, labels, other, 0.0, label)
        if arm.behind:
            _paste_arm(image, labels, arm, carried, t)
        swing = 10 * np.sin(0.2 * t) if arm.takes < t < arm.leaves else 0.0
        _paste(image, labels, carried, swing, 1)
        if not arm.behind:
            _paste_arm(image, labels, arm, carried, t)
        noisy = image + rng.normal(0, _GRAIN, image.shape)
        pixels = noisy.clip(0, 255).astype(np.uint8)
        yield TrueFrame(Frame(t, pts=t, time_s=t / 25, image=pixels), labels)


def _any(rng: np.random.Generator, patches: Sequence[Patch]) -> Patch:
    return patches[int(rng.integers(len(patches)))]


def _compact(mask: Bool[np.ndarray, "H W"]) -> bool:
    if mask.sum() < _LEAST_AREA or any(
        edge.any() for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    ):
        return False
    _, _, width, height = cv2.boundingRect(mask.astype(np.uint8))
    filled = mask.sum() >= 0.5 * width * height
    return bool(filled) and max(width, height) <= 2.2 * min(width, height)


def _cut_out(image: UInt8[np.ndarray, "H W 3"], mask: Bool[np.ndarray, "H W"]) -> Patch:
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    cover = cv2.GaussianBlur(inner.astype(np.float32), (3, 3), 0)[..., None]
    place = (slice(y, y + height), slice(x, x + width))
    return np.concatenate([image.astype(np.float32), cover], axis=2)[place]


def _backdrop(things: Things, rng: np.random.Generator) -> Canvas:
    image = things.backgrounds[int(rng.integers(len(things.backgrounds)))]
    scale = max(HEIGHT / image.shape[0], WIDTH / image.shape[1]) + 0.01
    large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(large[:HEIGHT, :WIDTH].astype(np.float32))


def _drawn_arm(rng: np.random.Generator, size: float, cloth: Patch) -> _Arm:
    """An arm with a hand, in half of the scenes with a sleeve of some cut-out's colours."""
    cover = np.zeros((90, 330), np.uint8)
    cv2.line(cover, (0, 45), (270, 45), 255, int(rng.integers(16, 26)))
    cv2.ellipse(cover, (285, 45), (26, 18), 0, 0, 360, 255, -1)
    for dy in (-14, -5, 5, 14):
        cv2.line(cover, (295, 45 + dy // 2), (322, 45 + dy), 255, 7)
    rough = cv2.GaussianBlur(rng.normal(0, 1, (90, 330)).astype(np.float32), (0, 0), 6)
    shade = 1.1 - 0.35 * np.abs(np.arange(90) - 45)[:, None, None] / 25
    skin = np.array(_SKIN[int(rng.integers(len(_SKIN)))])
    colours = skin * shade + (10 * rough / rough.std())[..., None]
    if rng.random() < 0.5:
        sleeve = int(rng.integers(120, 230))
        colours[:, :sleeve] = cv2.resize(cloth[..., :3], (330, 90))[:, :sleeve]
    soft = cv2.GaussianBlur(cover.astype(np.float32) / 255, (3, 3), 0)[..., None]
    patch = np.concatenate([colours.clip(0, 255), soft], axis=2).astype(np.float32)
    takes = int(rng.integers(8, 14))
    angle = np.deg2rad(rng.uniform(-70, 70)) + (np.pi if rng.random() < 0.5 else 0.0)
    return _Arm(
        patch,
        angle=float(angle),
        grip=0.5 * size * float(rng.uniform(0.75, 0.95)),
        scale=float(rng.uniform(0.7, 1.1)),
        behind=bool(rng.random() < 0.4),
        takes=takes,
        leaves=takes + int(rng.integers(24, 32)),
    )


def _way(
    rng: np.random.Generator, start: _Standing, *, passing: bool
) -> list[tuple[float, float]]:
    if passing:
        xs = rng.uniform(0.15, 0.85, 2) * WIDTH
        ys = rng.uniform(0.4, 0.72, 2) * HEIGHT
    else:
        xs = start.x + rng.uniform(-0.1, 0.1, 2) * WIDTH
        ys = rng.uniform(0.3, 0.6, 2) * HEIGHT
    return [(start.x, start.y), *zip(xs.tolist(), ys.tolist(), strict=True)]


def _carried(
    thing: _Standing, way: Sequence[tuple[float, float]], arm: _Arm, t: int
) -> _Standing:
    passed = 2 * float(np.clip((t - arm.takes) / (arm.leaves - arm.takes), 0, 1))
    leg = min(int(passed), 1)
    part = passed - leg
    part = part * part * (3 - 2 * part)
    (x0, y0), (x1, y1) = way[leg], way[leg + 1]
    x = x0 + part * (x1 - x0)
    return _Standing(thing.patch, x, y0 + part * (y1 - y0), thing.scale)


def _paste_arm(image: Canvas, labels: Labels, arm: _Arm, carried: _Standing, t: int) -> None:
    away = _BACK_PER_FRAME * max(0, arm.takes - t, t - arm.leaves)
    reach = arm.grip + away + _ARM_MIDDLE * arm.scale
    x = carried.x + reach * np.cos(arm.angle)
    y = carried.y + reach * np.sin(arm.angle) + 2 * np.sin(0.7 * t)
    turned = 180 - np.rad2deg(arm.angle)
    _paste(image, labels, _Standing(arm.patch, x, y, arm.scale), turned, ARM)


def _paste(
    image: Canvas, labels: Labels, thing: _Standing, degrees: float, label: int
) -> None:
    height, width = thing.patch.shape[:2]
    place = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, thing.scale)
    place[:, 2] += (thing.x - width / 2, thing.y - height / 2)
    weighted = thing.patch.copy()
    weighted[..., :3] *= weighted[..., 3:]
    how = cv2.INTER_AREA if thing.scale < 1 else cv2.INTER_LINEAR
    moved = cv2.warpAffine(weighted, place, (WIDTH, HEIGHT), flags=how)
    cover = moved[..., 3:]
    image[:] = image * (1 - cover) + moved[..., :3]
    labels[cover[..., 0] > 0.5] = label
