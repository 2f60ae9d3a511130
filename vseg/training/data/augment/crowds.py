"""Crowds: several copies of one object, with small changes, beside and in front of each other.

Enters: a clip and stills with masked objects.  Leaves: the clip with the copies, of which some
are followed.  Whoever clicks on one of many cups, cars or sheep means that one.
"""

import numpy as np
from jaxtyping import Float64

from vseg.training.data.augment.colour import draw_jitter, jitter
from vseg.training.data.augment.copy_paste import PasteSource
from vseg.training.data.augment.cutouts import Cutout, cut, mirrored, recoloured, resized
from vseg.training.data.augment.paste import Layer, paste, path_through
from vseg.training.data.augment.thin_plate_spline import draw_spline
from vseg.training.data.augment.trajectories import random_trajectory
from vseg.training.data.augment.warp import MotionRange, random_walk
from vseg.training.data.clip import Clip

# Round values, chosen by eye; not tuned.
_COPIES = (3, 8)
_SIDES = (0.12, 0.4)  # the longer one of a copy, in shares of the frame's
_MAX_ZOOM = 2.0  # beyond, a cut-out would show its pixels
_SIZES = 0.12  # deviation of the logarithm of a copy's size
_JITTER = 0.12  # of a copy's colours
_GAPS = (-0.25, 0.5)  # between neighbours, in shares of their size: below 0 they overlap
_SWAY = 0.25  # of a place beside its row, in shares of a copy's size
_P_OWN = 0.5  # the copies are of the clip's first object, not of another still's
_P_MIRRORED = 0.3
_P_SPLINE = 0.5
_SPLINE_STRENGTH = (0.006, 0.03)
_POSE = MotionRange(shift=0.0, rotation=8, zoom=0.05, shear=0.05)
_PACE = 0.03  # in shares of the frame's side per image


def crowded(rng: np.random.Generator, clip: Clip, source: PasteSource, objects: int) -> Clip:
    """The clip with three to eight copies of an object in rows; at most `objects` are
    followed.
    """
    image = clip.images[0]
    own = clip.labels[0] == 1
    if own.any() and rng.random() < _P_OWN:
        cutout = cut(image, own)
    else:
        cutout = recoloured(rng, source.cutout(rng), image, _JITTER)
    longest = np.exp(rng.uniform(*np.log(_SIDES))) * clip.side
    size = cutout.size * min(longest / cutout.size.max(), _MAX_ZOOM)
    followed = clip.objects
    for place in _places(rng, size, clip.side):
        label = followed + 1 if followed < objects else 0
        clip = paste(clip, _copy(rng, clip, cutout, size, (place, label)))
        followed = max(followed, label)
    return clip


def _places(
    rng: np.random.Generator, size: Float64[np.ndarray, " 2"], side: int
) -> Float64[np.ndarray, "N 2"]:
    """Centres of the copies: rows from a place in the frame on, in random order."""
    count = int(rng.integers(_COPIES[0], _COPIES[1] + 1))
    pitch = np.maximum(size * (1 + rng.uniform(*_GAPS, 2)), 2.0)
    columns = max(1, min(count, int(side / pitch[0])))
    start = rng.uniform(0.1, 0.5, 2) * side
    grid = np.array([(k % columns, k // columns) for k in range(count)], np.float64)
    places = start + grid * pitch + rng.normal(0, _SWAY / 2, (count, 2)) * size
    return np.asarray(rng.permutation(places % side))


def _copy(
    rng: np.random.Generator,
    clip: Clip,
    cutout: Cutout,
    size: Float64[np.ndarray, " 2"],
    place_and_label: tuple[Float64[np.ndarray, " 2"], int],
) -> Layer:
    """One copy: a little recoloured, resized and bent, nearly at rest."""
    place, label = place_and_label
    length = len(clip.images)
    copy = Cutout(jitter(cutout.colours, draw_jitter(rng, _JITTER)), cutout.alpha)
    copy = mirrored(copy) if rng.random() < _P_MIRRORED else copy
    copy = resized(copy, size * np.exp(rng.normal(0, _SIZES)))
    offsets = random_trajectory(rng, rng.uniform(0, _PACE) * clip.side, length)
    path = path_through(copy, place + offsets, random_walk(rng, _POSE, clip.side, length))
    spline = draw_spline(rng, rng.uniform(*_SPLINE_STRENGTH))
    return Layer(copy, path, label, spline if rng.random() < _P_SPLINE else None)
