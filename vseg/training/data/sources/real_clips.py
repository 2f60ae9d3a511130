"""Real clips as training sequences: images some frames apart under a virtual hand-held camera.

Enters: a clip whose object is id 1.  Leaves: footage of a square part of it.
"""

import numpy as np

from vseg.training.config import ChancesConfig
from vseg.training.data.augment.crop import draw_view, halved
from vseg.training.data.augment.duplicate_instances import draw_twin, twinned
from vseg.training.data.augment.trajectories import HANDHELD, centred
from vseg.training.data.augment.warp import Affine, frame_route, shifted, walk, warp
from vseg.training.data.clip import Footage, extent
from vseg.training.data.dataset_zip import Clip

_SMALL_GAP = 3


def real_footage(
    rng: np.random.Generator, clip: Clip, shape: tuple[int, int, int], chances: ChancesConfig
) -> Footage:
    """Footage of (side, length, max_gap) `shape`, its images up to `max_gap` frames apart.

    By p_leave the camera looks away from the object and, if there is time, back; by p_twin the
    object is there a second time.
    """
    side, length, max_gap = shape
    gap = max_gap if rng.random() < 0.5 else min(_SMALL_GAP, max_gap)
    indices = draw_indices(rng, len(clip.images), length, gap)
    sources = [halved(clip.images[i], _only(clip, i), side) for i in indices]
    if rng.random() < chances.p_twin:
        others = draw_twin(rng, indices, len(clip.images))
        images = [halved(clip.images[i], _only(clip, i), side) for i in others]
        sources = twinned(rng, sources, images)
    first = sources[0][1]
    base = draw_view(rng, first > 0, side)
    steps = centred(walk(rng, HANDHELD, side, length), side)
    if rng.random() < chances.p_leave:
        steps = _looking_away(rng, steps, _free_way(base, first, side))
    pairs = [
        warp(image, label, frame_route(step, base, side, None), side)
        for (image, label), step in zip(sources, steps, strict=True)
    ]
    return Footage(tuple(p for p, _ in pairs), tuple(m for _, m in pairs))


def draw_indices(
    rng: np.random.Generator, frames: int, length: int, max_gap: int
) -> list[int]:
    """`length` frame indices, neighbours 1 to `max_gap` apart, forward or backward.

    A clip too short for that is played to and fro.
    """
    widest = max(1, min(max_gap, (frames - 1) // (length - 1)))
    offsets = np.concatenate([[0], np.cumsum(rng.integers(1, widest + 1, length - 1))])
    start = int(rng.integers(0, max(1, frames - offsets[-1])))
    turn = max(1, 2 * (frames - 1))
    folded = (start + offsets) % turn
    order = np.minimum(folded, turn - folded) if frames > 1 else np.zeros(length, int)
    return [int(i) for i in (order[::-1] if rng.random() < 0.5 else order)]


def _only(clip: Clip, index: int) -> np.ndarray:
    return np.asarray(clip.masks[index] == 1, dtype=np.uint8)


def _free_way(base: Affine, label: np.ndarray, side: int) -> np.ndarray:
    """The way, in pixels of the frame, to the part of the source farthest from the object."""
    h, w = label.shape
    body = extent(label > 0).centre
    far = np.where(body < np.array([w, h]) / 2, [w, h], [0, 0])
    ends = (base @ np.array([[*body, 1.0], [*far, 1.0]]).T)[:2]
    way = ends[:, 1] - ends[:, 0]
    # The window stops where the source ends: half a frame before its corner.
    return np.asarray(np.sign(way) * np.maximum(np.abs(way) - side / 2, 0))


def _looking_away(
    rng: np.random.Generator, steps: list[Affine], way: np.ndarray
) -> list[Affine]:
    """The camera's maps with a look along `way` and, if there is time, back."""
    length = len(steps)
    peak = int(rng.integers(1, length))
    width = rng.uniform(0.7, 2.0)
    share = np.clip(1.4 - np.abs(np.arange(length) - peak) / width, 0, 1)
    share[0] = 0
    return [np.asarray(shifted(-s * way) @ m) for s, m in zip(share, steps, strict=True)]
