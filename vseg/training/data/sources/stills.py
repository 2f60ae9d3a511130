"""Stills set in motion: the whole image under a moving camera, or its objects before a
background.

Enters: a still and its object ids.  Leaves: a clip with one to three objects.  The second
kind is Lucid Data Dreaming (Khoreva et al. 2017): the objects are cut out, the hole is filled,
and every object moves on its own; by chance before the image of another still, whose own
objects then distract.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from vseg.training.data.augment.crop import draw_crop, halved
from vseg.training.data.augment.cutouts import cut
from vseg.training.data.augment.paste import Layer, paste
from vseg.training.data.augment.thin_plate_spline import draw_spline
from vseg.training.data.augment.trajectories import (
    camera_trajectory,
    leaving_trajectory,
    random_trajectory,
)
from vseg.training.data.augment.warp import (
    Affine,
    MotionRange,
    around_point,
    frame_map,
    random_walk,
    translation,
    warp,
)
from vseg.training.data.clip import MIN_SHARE, Clip, Extent, large_ids
from vseg.training.data.dataset_zip import ZippedClip

# Chances and ranges of motion are round values, chosen by eye on sheets of drawn sequences
# (benchmarks/sequences_sheet.py); not tuned.
_SPLINE_STRENGTH = (0.006, 0.03)  # in shares of what is deformed
_MAX_PACE = 0.05  # of an object, in shares of the frame's side per image
_OBJECT_POSE = MotionRange(shift=0.0, rotation=10, zoom=0.09, shear=0.06)
_P_SEVERAL_OBJECTS = 0.6
_P_IMAGE_SPLINE = 0.75
_P_OBJECT_SPLINE = 0.5
_P_OTHER_BACKGROUND = 0.4
_DILATION = 7  # pixels of the kernel by which a hole is widened: three on each side


@dataclass(frozen=True, slots=True)
class StillOptions:
    """side, length: of the clip.  objects: how many to follow at most.  p_*: chances.

    p_object_motion: the objects move before the background.  p_leave: one of them leaves the
    frame.
    """

    side: int
    length: int
    objects: int
    p_object_motion: float
    p_leave: float


@dataclass(frozen=True, slots=True)
class _Framed:
    """A still, its relabelled objects, and the map that carries it to the frame."""

    image: UInt8[np.ndarray, "H W 3"]
    labels: UInt8[np.ndarray, "H W"]
    base: Affine


def clip_of_still(
    rng: np.random.Generator, still: ZippedClip, other: ZippedClip, options: StillOptions
) -> Clip:
    """A clip of one still; `other` may lend its image as the background."""
    objects = _some_objects(rng, still, options.objects)
    image, labels = halved(still.images[0], objects, options.side)
    framed = _Framed(image, labels, draw_crop(rng, labels == 1, options.side))
    if labels.any() and rng.random() < options.p_object_motion:
        return _moving_objects(rng, framed, other, options)
    return _moving_image(rng, framed, options)


def _some_objects(
    rng: np.random.Generator, still: ZippedClip, most: int
) -> UInt8[np.ndarray, "H W"]:
    """Some of the still's objects, relabelled 1, 2, ... in random order; the others are
    background.
    """
    order = rng.permutation(large_ids(still.masks[0], 0.5 * MIN_SHARE))
    count = 1 + int(rng.integers(most)) if rng.random() < _P_SEVERAL_OBJECTS else 1
    table = np.zeros(256, np.uint8)
    for k, old in enumerate(order[:count]):
        table[int(old)] = k + 1
    return np.asarray(cv2.LUT(still.masks[0], table), dtype=np.uint8)


def _moving_image(rng: np.random.Generator, framed: _Framed, options: StillOptions) -> Clip:
    """The image as a whole under a moving camera and, mostly, a swinging spline."""
    spline = None
    if rng.random() < _P_IMAGE_SPLINE:
        spline = draw_spline(rng, rng.uniform(*_SPLINE_STRENGTH))
    pairs = []
    for time, step in enumerate(camera_trajectory(rng, options.side, options.length)):
        deformation = (spline, float(time)) if spline is not None else None
        sampling = frame_map(step, framed.base, options.side, deformation)
        pairs.append(warp(framed.image, framed.labels, sampling, options.side))
    return Clip(tuple(image for image, _ in pairs), tuple(label for _, label in pairs))


def _moving_objects(
    rng: np.random.Generator, framed: _Framed, other: ZippedClip, options: StillOptions
) -> Clip:
    """The background under a moving camera, and before it every object on its own way."""
    steps = camera_trajectory(rng, options.side, options.length)
    clip = _background(rng, framed, other, steps, options.side)
    count = int(framed.labels.max())
    leaving = int(rng.integers(1, count + 1)) if rng.random() < options.p_leave else 0
    for label in rng.permutation(np.arange(1, count + 1)):
        if (framed.labels == label).any():
            layer = _layer(rng, framed, (int(label), leaving), steps, options.side)
            clip = paste(clip, layer)
    return clip


def _background(
    rng: np.random.Generator,
    framed: _Framed,
    other: ZippedClip,
    steps: list[Affine],
    side: int,
) -> Clip:
    """The still without its objects, or another still, under the camera's maps; no labels."""
    if rng.random() < _P_OTHER_BACKGROUND:
        ground, unlabelled = halved(other.images[0], np.zeros_like(other.masks[0]), side)
        base = draw_crop(rng, unlabelled > 0, side)
    else:
        ground = filled(framed.image, framed.labels > 0)
        unlabelled = np.zeros_like(framed.labels)
        base = framed.base
    pairs = [
        warp(ground, unlabelled, frame_map(step, base, side, None), side) for step in steps
    ]
    return Clip(tuple(image for image, _ in pairs), tuple(label for _, label in pairs))


def _layer(
    rng: np.random.Generator,
    framed: _Framed,
    label_and_leaving: tuple[int, int],
    steps: list[Affine],
    side: int,
) -> Layer:
    """One object of the still, which starts where it is and moves on its own under the
    camera's maps.

    label_and_leaving: its label, and the label that leaves the frame, 0 for none.
    """
    label, leaving = label_and_leaving
    cutout = cut(framed.image, framed.labels == label)
    first = framed.base @ translation(np.array(cutout.corner, np.float64))
    centre = (first @ np.array([*cutout.centre, 1.0]))[:2]
    zoom = float(np.sqrt(abs(np.linalg.det(first[:2, :2]))))
    if label == leaving:
        body = Extent(centre, zoom * cutout.size)
        offsets = leaving_trajectory(rng, body, side, len(steps))
    else:
        offsets = random_trajectory(rng, rng.uniform(0, _MAX_PACE) * side, len(steps))
    poses = random_walk(rng, _OBJECT_POSE, side, len(steps))
    path = tuple(
        np.asarray(step @ translation(offset) @ around_point(centre, pose) @ first)
        for step, offset, pose in zip(steps, offsets, poses, strict=True)
    )
    spline = None
    if rng.random() < _P_OBJECT_SPLINE:
        spline = draw_spline(rng, rng.uniform(*_SPLINE_STRENGTH))
    # Below 0 there is no motion blur: five of eight objects.
    return Layer(cutout, path, label, spline, shutter=max(0.0, rng.uniform(-0.5, 0.3)))


def filled(
    image: UInt8[np.ndarray, "H W 3"], hole: Bool[np.ndarray, "H W"]
) -> UInt8[np.ndarray, "H W 3"]:
    """The image with the hole, and three pixels around it, filled from its surroundings.

    Ever wider means of what is known (push-pull, Gortler et al. 1996), on a quarter of the
    size.
    """
    kernel = np.ones((_DILATION, _DILATION), np.uint8)
    wide = cv2.dilate(hole.astype(np.uint8), kernel)
    h, w = hole.shape
    small = (max(1, w // 4), max(1, h // 4))
    known = cv2.resize((1 - wide).astype(np.float32), small, interpolation=cv2.INTER_AREA)
    visible = cv2.resize(image * (1 - wide)[..., None], small, interpolation=cv2.INTER_AREA)
    patch = _spread(np.dstack([visible.astype(np.float32), known]))
    colours = np.clip(patch[..., :3] / np.maximum(patch[..., 3:], 1e-4), 0, 255).astype(
        np.uint8
    )
    fill = cv2.resize(colours, (w, h), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.where(wide[..., None] > 0, fill, image), dtype=np.uint8)


def _spread(weighted: Float32[np.ndarray, "h w 4"]) -> Float32[np.ndarray, "h w 4"]:
    """Weighted colours (the last channel the weight) without a weight of zero, unless all
    are.
    """
    h, w = weighted.shape[:2]
    if min(h, w) <= 2:
        return weighted
    size = ((w + 1) // 2, (h + 1) // 2)
    coarse = _spread(np.asarray(cv2.resize(weighted, size, interpolation=cv2.INTER_AREA)))
    far = cv2.resize(coarse, (w, h), interpolation=cv2.INTER_LINEAR)
    # What is known here counts; the wider mean only fills what is missing.
    return np.asarray(weighted + (1 - weighted[..., 3:]).clip(0) * far)
