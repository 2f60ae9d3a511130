"""Stills set in motion: the whole image under a moving camera, or its objects before a
background.

Enters: a still and its object ids.  Leaves: footage with one to three objects.  The second
kind is Lucid Data Dreaming (Khoreva et al. 2017): the objects are cut out, the hole is filled,
and each goes its own way; by chance before the image of another still, whose own objects then
distract.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from vseg.training.data.augment.crop import draw_view, halved
from vseg.training.data.augment.cutouts import cut
from vseg.training.data.augment.paste import Layer, paste
from vseg.training.data.augment.thin_plate_spline import draw_bend
from vseg.training.data.augment.trajectories import camera, leave, wander
from vseg.training.data.augment.warp import (
    Affine,
    Motion,
    about,
    frame_route,
    shifted,
    walk,
    warp,
)
from vseg.training.data.clip import MIN_SHARE, Extent, Footage, large_ids
from vseg.training.data.dataset_zip import Clip

_BEND = (0.006, 0.03)  # in shares of what is bent
_PACE = 0.05  # in shares of the frame's side per image
_POSE = Motion(shift=0.0, rotation=10, zoom=0.09, shear=0.06)


@dataclass(frozen=True, slots=True)
class StillShot:
    """side, length: of the footage.  objects: how many to follow at most.  p_*: chances.

    p_parted: the objects move before the background.  p_leave: one of them leaves the frame.
    """

    side: int
    length: int
    objects: int
    p_parted: float
    p_leave: float


@dataclass(frozen=True, slots=True)
class _Framed:
    """A still, its relabelled objects, and the map that carries it to the frame."""

    image: UInt8[np.ndarray, "H W 3"]
    labels: UInt8[np.ndarray, "H W"]
    base: Affine


@dataclass(frozen=True, slots=True)
class _Ways:
    """side: of the frame.  leaving: the label that leaves it, 0 for none."""

    side: int
    leaving: int


def still_footage(
    rng: np.random.Generator, clip: Clip, other: Clip, shot: StillShot
) -> Footage:
    """Footage of one still; `other` may lend its image as the background."""
    image, labels = halved(clip.images[0], _some_objects(rng, clip, shot.objects), shot.side)
    framed = _Framed(image, labels, draw_view(rng, labels == 1, shot.side))
    if labels.any() and rng.random() < shot.p_parted:
        return _parted(rng, framed, other, shot)
    return _moved(rng, framed, shot)


def _some_objects(rng: np.random.Generator, clip: Clip, most: int) -> UInt8[np.ndarray, "H W"]:
    """Some of the still's objects, relabelled 1, 2, ... in random order; the others are
    background.
    """
    order = rng.permutation(large_ids(clip.masks[0], 0.5 * MIN_SHARE))
    count = 1 + int(rng.integers(most)) if rng.random() < 0.6 else 1
    table = np.zeros(256, np.uint8)
    for k, old in enumerate(order[:count]):
        table[int(old)] = k + 1
    return np.asarray(cv2.LUT(clip.masks[0], table), dtype=np.uint8)


def _moved(rng: np.random.Generator, framed: _Framed, shot: StillShot) -> Footage:
    """The image as a whole under a camera and, three times of four, a bend."""
    bend = draw_bend(rng, rng.uniform(*_BEND)) if rng.random() < 0.75 else None
    pairs = []
    for time, step in enumerate(camera(rng, shot.side, shot.length)):
        swing = (bend, float(time)) if bend is not None else None
        route = frame_route(step, framed.base, shot.side, swing)
        pairs.append(warp(framed.image, framed.labels, route, shot.side))
    return Footage(tuple(p for p, _ in pairs), tuple(m for _, m in pairs))


def _parted(
    rng: np.random.Generator, framed: _Framed, other: Clip, shot: StillShot
) -> Footage:
    """The background under a camera, and before it every object on its own way."""
    steps = camera(rng, shot.side, shot.length)
    if rng.random() < 0.4:
        ground, none = halved(other.images[0], np.zeros_like(other.masks[0]), shot.side)
        base = draw_view(rng, none > 0, shot.side)
    else:
        ground = filled(framed.image, framed.labels > 0)
        none = np.zeros_like(framed.labels)
        base = framed.base
    pairs = [
        warp(ground, none, frame_route(step, base, shot.side, None), shot.side)
        for step in steps
    ]
    footage = Footage(tuple(p for p, _ in pairs), tuple(m for _, m in pairs))
    count = int(framed.labels.max())
    leaving = int(rng.integers(1, count + 1)) if rng.random() < shot.p_leave else 0
    ways = _Ways(shot.side, leaving)
    for label in rng.permutation(np.arange(1, count + 1)):
        if (framed.labels == label).any():
            footage = paste(footage, _layer(rng, framed, int(label), steps, ways))
    return footage


def _layer(
    rng: np.random.Generator, framed: _Framed, label: int, steps: list[Affine], ways: _Ways
) -> Layer:
    """One object of the still: it starts where it is and goes its own way under the camera's
    maps.
    """
    cutout = cut(framed.image, framed.labels == label)
    first = framed.base @ shifted(np.array(cutout.corner, np.float64))
    centre = (first @ np.array([*cutout.centre, 1.0]))[:2]
    zoom = float(np.sqrt(abs(np.linalg.det(first[:2, :2]))))
    if label == ways.leaving:
        offsets = leave(rng, Extent(centre, zoom * cutout.size), ways.side, len(steps))
    else:
        offsets = wander(rng, rng.uniform(0, _PACE) * ways.side, len(steps))
    poses = walk(rng, _POSE, ways.side, len(steps))
    path = tuple(
        np.asarray(step @ shifted(offset) @ about(centre, pose) @ first)
        for step, offset, pose in zip(steps, offsets, poses, strict=True)
    )
    bend = draw_bend(rng, rng.uniform(*_BEND)) if rng.random() < 0.5 else None
    return Layer(cutout, path, label, bend, shutter=max(0.0, rng.uniform(-0.5, 0.3)))


def filled(
    image: UInt8[np.ndarray, "H W 3"], hole: Bool[np.ndarray, "H W"]
) -> UInt8[np.ndarray, "H W 3"]:
    """The image with the hole, and three pixels around it, filled from its surroundings.

    Ever wider means of what is known (push-pull, Gortler et al. 1996), on a quarter of the
    size.
    """
    wide = cv2.dilate(hole.astype(np.uint8), np.ones((7, 7), np.uint8))
    h, w = hole.shape
    small = (max(1, w // 4), max(1, h // 4))
    known = cv2.resize((1 - wide).astype(np.float32), small, interpolation=cv2.INTER_AREA)
    seen = cv2.resize(image * (1 - wide)[..., None], small, interpolation=cv2.INTER_AREA)
    patch = _pulled(np.dstack([seen.astype(np.float32), known]))
    colours = np.clip(patch[..., :3] / np.maximum(patch[..., 3:], 1e-4), 0, 255).astype(
        np.uint8
    )
    fill = cv2.resize(colours, (w, h), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.where(wide[..., None] > 0, fill, image), dtype=np.uint8)


def _pulled(weighted: Float32[np.ndarray, "h w 4"]) -> Float32[np.ndarray, "h w 4"]:
    """Weighted colours (the last channel the weight) without a weight of zero, unless all
    are.
    """
    h, w = weighted.shape[:2]
    if min(h, w) <= 2:
        return weighted
    size = ((w + 1) // 2, (h + 1) // 2)
    coarse = _pulled(np.asarray(cv2.resize(weighted, size, interpolation=cv2.INTER_AREA)))
    far = cv2.resize(coarse, (w, h), interpolation=cv2.INTER_LINEAR)
    # What is known here counts; the wider mean only fills what is missing.
    return np.asarray(weighted + (1 - weighted[..., 3:]).clip(0) * far)
