"""Short training sequences with exact masks: real clips, and stills set in motion.

Enters: a TrainingPack.  Leaves: T square pictures and the masks of one or two objects.  Objects cut from
other pictures are pasted over both kinds, as occluders, look-alikes and further objects (Oh et al. 2019;
Khoreva et al. 2017, Lucid Data Dreaming).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from vseg.training.colour import blur, draw_jitter, jitter
from vseg.training.pack import TrainingPack
from vseg.training.warp import Affine, Motion, about, bend, draw_affine, walk, warp

_CAMERA = Motion(shift=0.06, rotation=6, zoom=0.07, shear=0.05)
_OBJECT = Motion(shift=0.12, rotation=14, zoom=0.12, shear=0.1)
_HANDHELD = Motion(shift=0.015, rotation=1.5, zoom=0.02, shear=0.0)
_MIN_SHARE = 0.002
_VOID = 255
_SMALL_GAP = 3


@dataclass(frozen=True, slots=True)
class MaskedSequence:
    """images: RGB.  masks: one row per object; every object is visible in the first picture."""

    images: UInt8[np.ndarray, "T S S 3"]
    masks: Bool[np.ndarray, "N T S S"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How sequences are drawn.  max_gap: in frames of the clip; p_*: chances."""

    side: int
    length: int
    max_gap: int
    p_video: float
    p_paste: float = 0.5
    p_haze: float = 0.15


class Sequences:
    """Draws sequences from a pack; each depends on the generator given and nothing else."""

    def __init__(self, pack: TrainingPack) -> None:
        self._pack = pack
        self._cutouts = [c for c in pack.stills if _largest(c.masks[0]) > 0]

    def draw(self, rng: np.random.Generator, recipe: Recipe) -> MaskedSequence:
        """One sequence whose first object covers at least 0.2 % of its first picture."""
        while True:
            real = rng.random() < recipe.p_video
            images, labels = self._video(rng, recipe) if real else self._still(rng, recipe)
            if rng.random() < recipe.p_paste:
                self._paste(rng, images, labels, recipe)
            if rng.random() < recipe.p_haze:
                images = _haze(rng, images, recipe)
            tracked = [k for k in (1, 2) if (labels[0] == k).mean() > _MIN_SHARE]
            if 1 in tracked:
                break
        matrix = draw_jitter(rng, 0.8)
        drift = [matrix + 0.15 * (draw_jitter(rng, 0.6) - draw_jitter(rng, 0.0)) for _ in images]
        pictures = [jitter(p, d.astype(np.float32)) for p, d in zip(images, drift, strict=True)]
        if rng.random() < 0.15:
            pictures = [blur(p, rng) for p in pictures]
        masks = np.stack([[label == k for label in labels] for k in tracked])
        return MaskedSequence(np.stack(pictures), masks)

    def _video(
        self, rng: np.random.Generator, recipe: Recipe
    ) -> tuple[list[UInt8[np.ndarray, "S S 3"]], list[UInt8[np.ndarray, "S S"]]]:
        clip = self._pack.videos[rng.integers(len(self._pack.videos))]
        gap = recipe.max_gap if rng.random() < 0.5 else min(_SMALL_GAP, recipe.max_gap)
        indices = _indices(rng, len(clip.images), recipe.length, gap)
        base = _view(rng, clip.masks[indices[0]], recipe.side)
        shake = walk(rng, _HANDHELD, recipe.side, recipe.length)
        centre = (recipe.side / 2, recipe.side / 2)
        pairs = [
            warp(clip.images[i], clip.masks[i], about(centre, s) @ base, recipe.side)
            for i, s in zip(indices, shake, strict=True)
        ]
        return [p for p, _ in pairs], [(m == 1).astype(np.uint8) for _, m in pairs]

    def _still(
        self, rng: np.random.Generator, recipe: Recipe
    ) -> tuple[list[UInt8[np.ndarray, "S S 3"]], list[UInt8[np.ndarray, "S S"]]]:
        clip = self._pack.stills[rng.integers(len(self._pack.stills))]
        label = (clip.masks[0] == _choose(rng, clip.masks[0])).astype(np.uint8)
        base = _view(rng, label, recipe.side)
        centre = (recipe.side / 2, recipe.side / 2)
        images, labels = [], []
        for step in walk(rng, _CAMERA, recipe.side, recipe.length):
            pair = warp(clip.images[0], label, about(centre, step) @ base, recipe.side)
            picture, mask = bend(*pair, rng, 0.012) if rng.random() < 0.5 else pair
            images.append(picture)
            labels.append(mask)
        return images, labels

    def _paste(
        self,
        rng: np.random.Generator,
        images: list[UInt8[np.ndarray, "S S 3"]],
        labels: list[UInt8[np.ndarray, "S S"]],
        recipe: Recipe,
    ) -> None:
        """Let a cut-out move over the pictures, in place; tracked as object 2 or not at all."""
        side = recipe.side
        if rng.random() < 0.3 and labels[0].any():
            picture, cut = images[0].copy(), labels[0].copy()
        else:
            clip = self._cutouts[rng.integers(len(self._cutouts))]
            picture = jitter(clip.images[0], draw_jitter(rng, 0.6))
            cut = (clip.masks[0] == _choose(rng, clip.masks[0])).astype(np.uint8)
        box = cv2.boundingRect(cut)
        size = np.exp(rng.uniform(np.log(0.12), np.log(0.6))) * side / max(box[2:])
        place = rng.uniform(0.05, 0.95, 2) * side
        base = np.array([[size, 0, 0], [0, size, 0], [0, 0, 1.0]])
        base[:2, 2] = place - size * (np.array(box[:2]) + np.array(box[2:]) / 2)
        tracked = 2 if rng.random() < 0.5 else 0
        centre = (float(place[0]), float(place[1]))
        steps = walk(rng, _OBJECT, side, recipe.length)
        for t, step in enumerate(steps):
            matrix = about(centre, step) @ base
            top, alpha = warp(picture, cut, matrix, side, cv2.BORDER_CONSTANT)
            soft = cv2.GaussianBlur(alpha.astype(np.float32), (3, 3), 0)[..., None]
            images[t] = (images[t] * (1 - soft) + top * soft).astype(np.uint8)
            labels[t] = np.where(alpha > 0, tracked, labels[t]).astype(np.uint8)


def _haze(
    rng: np.random.Generator, images: list[UInt8[np.ndarray, "S S 3"]], recipe: Recipe
) -> list[UInt8[np.ndarray, "S S 3"]]:
    """The pictures behind drifting smoke, dust or glare: one tone, thickest in random places."""
    side = recipe.side
    knots = rng.normal(-0.6, 1.0, (6, 6)).astype(np.float32)
    field = cv2.resize(knots, (2 * side, 2 * side), interpolation=cv2.INTER_CUBIC)
    tone = rng.uniform(0, 255) if rng.random() < 0.3 else rng.uniform(150, 255)
    most = rng.uniform(0.4, 0.95)
    low = np.array([side / 2, side / 2])
    place, drift = low * rng.uniform(0.5, 1.5, 2), rng.normal(0, 0.08 * side, 2)
    hazy = []
    for image in images:
        x, y = np.clip(place, 0, side).astype(int)
        alpha = most * np.clip(field[y : y + side, x : x + side], 0, 1)[..., None]
        hazy.append((image * (1 - alpha) + tone * alpha).astype(np.uint8))
        place = place + drift
    return hazy


def _indices(rng: np.random.Generator, frames: int, length: int, max_gap: int) -> list[int]:
    gaps = rng.integers(1, max(2, min(max_gap, (frames - 1) // (length - 1)) + 1), length - 1)
    offsets = np.concatenate([[0], np.cumsum(gaps)])
    start = int(rng.integers(0, frames - offsets[-1]))
    order = start + offsets
    return [int(i) for i in (order[::-1] if rng.random() < 0.5 else order)]


def _choose(rng: np.random.Generator, mask: UInt8[np.ndarray, "H W"]) -> int:
    ids, areas = np.unique(mask[(mask > 0) & (mask < _VOID)], return_counts=True)
    large = ids[areas > 0.5 * _MIN_SHARE * mask.size]
    return int(rng.choice(large)) if large.size else 1


def _largest(mask: UInt8[np.ndarray, "H W"]) -> float:
    ids, areas = np.unique(mask[(mask > 0) & (mask < _VOID)], return_counts=True)
    return float(areas.max() > 2 * _MIN_SHARE * mask.size) if ids.size else 0.0


def _view(rng: np.random.Generator, mask: UInt8[np.ndarray, "H W"], side: int) -> Affine:
    """A square window on the source: its short side or down to 55 % of it, kept near the object."""
    h, w = mask.shape
    window = min(h, w) * np.exp(rng.uniform(np.log(0.55), np.log(1.15)))
    x, y, bw, bh = cv2.boundingRect((mask == 1).astype(np.uint8))
    centre = np.array([x + bw / 2, y + bh / 2]) + rng.normal(0, 0.2, 2) * window
    low = np.minimum(window / 2, [w / 2, h / 2])
    centre = np.clip(centre, low, np.array([w, h]) - low)
    zoom = side / window
    matrix = np.array([[zoom, 0, side / 2], [0, zoom, side / 2], [0, 0, 1.0]])
    matrix[:2, 2] -= zoom * centre
    if rng.random() < 0.5:
        matrix = np.array([[-1.0, 0, side], [0, 1, 0], [0, 0, 1]]) @ matrix
    tilt = Motion(shift=0.0, rotation=10, zoom=0.1, shear=0.08)
    return np.asarray(about((side / 2, side / 2), draw_affine(rng, tilt, side)) @ matrix)
