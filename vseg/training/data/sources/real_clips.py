"""Real clips as training sequences: images some frames apart under a virtual hand-held camera.

Enters: a clip whose object has the id 1.  Leaves: a square part of it.
"""

import numpy as np

from vseg.training.config import AugmentationConfig
from vseg.training.data.augment.crop import draw_crop, halved
from vseg.training.data.augment.duplicate_instances import draw_other_frames, with_duplicate
from vseg.training.data.augment.trajectories import HANDHELD, around_middle
from vseg.training.data.augment.warp import Affine, frame_map, random_walk, translation, warp
from vseg.training.data.clip import Clip, extent
from vseg.training.data.dataset_zip import ZippedClip

# Half of the sequences keep to this gap, so that slow motion is learned too.
_SMALL_GAP = 3


def clip_of_video(
    rng: np.random.Generator,
    video: ZippedClip,
    shape: tuple[int, int, int],
    augmentation: AugmentationConfig,
) -> Clip:
    """A clip of (side, length, max_gap) `shape`, its images up to `max_gap` frames apart.

    With chance p_leave the camera pans away from the object and, if there is time, back; with
    chance p_duplicate the object is there a second time.
    """
    side, length, max_gap = shape
    gap = max_gap if rng.random() < 0.5 else min(_SMALL_GAP, max_gap)
    indices = draw_indices(rng, len(video.images), length, gap)
    sources = [halved(video.images[i], _object_mask(video, i), side) for i in indices]
    if rng.random() < augmentation.p_duplicate:
        others = draw_other_frames(rng, indices, len(video.images))
        images = [halved(video.images[i], _object_mask(video, i), side) for i in others]
        sources = with_duplicate(rng, sources, images)
    first = sources[0][1]
    base = draw_crop(rng, first > 0, side)
    steps = around_middle(random_walk(rng, HANDHELD, side, length), side)
    if rng.random() < augmentation.p_leave:
        steps = _panning_away(rng, steps, _way_to_far_corner(base, first, side))
    pairs = [
        warp(image, label, frame_map(step, base, side, None), side)
        for (image, label), step in zip(sources, steps, strict=True)
    ]
    return Clip(tuple(image for image, _ in pairs), tuple(label for _, label in pairs))


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


def _object_mask(video: ZippedClip, index: int) -> np.ndarray:
    return np.asarray(video.masks[index] == 1, dtype=np.uint8)


def _way_to_far_corner(base: Affine, label: np.ndarray, side: int) -> np.ndarray:
    """The way, in pixels of the frame, to the source's corner farthest from the object."""
    h, w = label.shape
    centre = extent(label > 0).centre
    corner = np.where(centre < np.array([w, h]) / 2, [w, h], [0, 0])
    ends = (base @ np.array([[*centre, 1.0], [*corner, 1.0]]).T)[:2]
    way = ends[:, 1] - ends[:, 0]
    # The frame stops where the source ends: half a frame before its corner.
    return np.asarray(np.sign(way) * np.maximum(np.abs(way) - side / 2, 0))


def _panning_away(
    rng: np.random.Generator, steps: list[Affine], way: np.ndarray
) -> list[Affine]:
    """The camera's maps with a pan along `way` and, if there is time, back."""
    length = len(steps)
    peak = int(rng.integers(1, length))
    width = rng.uniform(0.7, 2.0)
    # 1.4: the pan rests at its end for a while before it turns.  The first image stays.
    share = np.clip(1.4 - np.abs(np.arange(length) - peak) / width, 0, 1)
    share[0] = 0
    return [
        np.asarray(translation(-s * way) @ step) for s, step in zip(share, steps, strict=True)
    ]
