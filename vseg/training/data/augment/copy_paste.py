"""Who else is in the image: look-alikes, further objects, things that hide the followed ones.

Enters: footage and cut-outs of other stills.  Leaves: footage with one to three more layers,
some of them followed as further objects (Oh et al. 2019, Space-Time Memory Networks, paste
objects as occluders).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from vseg.training.data.augment.cutouts import (
    Cutout,
    blob,
    cut,
    mirrored,
    post,
    resized,
    toned,
)
from vseg.training.data.augment.paste import Layer, paste, path_through
from vseg.training.data.augment.thin_plate_spline import draw_bend
from vseg.training.data.augment.trajectories import cross, leave, wander
from vseg.training.data.augment.warp import Motion, walk
from vseg.training.data.clip import MIN_SHARE, Extent, Footage, extent, large_ids
from vseg.training.data.dataset_zip import Clip

_POSE = Motion(shift=0.0, rotation=14, zoom=0.1, shear=0.08)
_STIFF = Motion(shift=0.0, rotation=3, zoom=0.03, shear=0.0)
_PACE = 0.08  # in shares of the frame's side per image
_LARGEST_ZOOM = 2.0  # beyond, a cut-out would show its pixels
_P_LOOK_ALIKE = 0.5
_P_BEHIND = 0.3
_P_FOLLOWED = 0.75


@dataclass(frozen=True, slots=True)
class Lenders:
    """Stills that lend their objects; each has at least one large enough."""

    stills: Sequence[Clip]

    def still(self, rng: np.random.Generator) -> Clip:
        """Any of them."""
        return self.stills[int(rng.integers(len(self.stills)))]

    def cutout(self, rng: np.random.Generator) -> Cutout:
        """One of the large objects of any of them."""
        clip = self.still(rng)
        ids = large_ids(clip.masks[0], 2 * MIN_SHARE)
        return cut(clip.images[0], clip.masks[0] == int(rng.choice(ids)))


def crowded(
    rng: np.random.Generator, footage: Footage, lenders: Lenders, objects: int, p_leave: float
) -> Footage:
    """One to three more things on their way through the footage; at most `objects` are
    followed.
    """
    count = 1 + int(rng.choice(3, p=(0.55, 0.3, 0.15)))
    followed = footage.objects
    for _ in range(count):
        label = followed + 1 if followed < objects and rng.random() < _P_FOLLOWED else 0
        footage = paste(footage, _passer(rng, footage, lenders, label, p_leave))
        followed = max(followed, label)
    return footage


def _passer(
    rng: np.random.Generator, footage: Footage, lenders: Lenders, label: int, p_leave: float
) -> Layer:
    """Someone anywhere in the first image, on the way to anywhere; before or behind the
    others.
    """
    side = footage.side
    length = len(footage.images)
    cutout = _someone(rng, footage, lenders)
    start = rng.uniform(0.05, 0.95, 2) * side
    if label and rng.random() < p_leave:
        offsets = leave(rng, Extent(start, cutout.size), side, length)
    else:
        offsets = wander(rng, rng.uniform(0.1, 1) * _PACE * side, length)
    return Layer(
        cutout,
        path_through(cutout, start + offsets, walk(rng, _POSE, side, length)),
        label,
        bend=draw_bend(rng, rng.uniform(0.006, 0.03)) if rng.random() < 0.5 else None,
        behind=rng.random() < _P_BEHIND,
        shutter=max(0.0, rng.uniform(-0.3, 0.3)),
        shadow=_shadow(rng, cutout),
    )


def _someone(rng: np.random.Generator, footage: Footage, lenders: Lenders) -> Cutout:
    """A cut-out of its final size: a look-alike of the first object, or an object of any
    still.
    """
    image = footage.images[0]
    model = footage.labels[0] == 1
    if model.any() and rng.random() < _P_LOOK_ALIKE:
        source = toned(rng, cut(image, model), image, 0.15)
        size = source.size * np.exp(rng.uniform(-0.5, 0.2))
    else:
        source = toned(rng, lenders.cutout(rng), image, 0.6)
        longest = np.exp(rng.uniform(np.log(0.12), np.log(0.6))) * footage.side
        size = source.size * min(longest / source.size.max(), _LARGEST_ZOOM)
    source = mirrored(source) if rng.random() < 0.5 else source
    return resized(source, size)


def hidden(rng: np.random.Generator, footage: Footage, lenders: Lenders) -> Footage:
    """Something passes before one of the followed objects and hides it for a while.

    Mostly whole; of an object larger than most of the frame only a part, or nothing else would
    be seen.
    """
    side = footage.side
    length = len(footage.images)
    when = int(rng.integers(1, length))
    target = footage.labels[when] == int(rng.integers(1, max(footage.objects, 1) + 1))
    if not target.any():
        return footage
    body = extent(target)
    cover = np.clip(body.size * rng.uniform(1.0, 1.7, 2), 0.08 * side, 0.65 * side)
    hider = _hider(rng, lenders, cover, side)
    pace = rng.uniform(0.25, 1.1) * (cover[0] + body.size[0])
    places = cross(rng, body.centre, when, pace, length)
    path = path_through(hider, places, walk(rng, _STIFF, side, length))
    return paste(footage, Layer(hider, path, shutter=max(0.0, rng.uniform(-0.1, 0.15))))


def _hider(
    rng: np.random.Generator, lenders: Lenders, cover: Float64[np.ndarray, " 2"], side: int
) -> Cutout:
    """A post as high as the frame, a blob, or an object of any still, to cover that much."""
    kind = int(rng.integers(3))
    texture = lenders.still(rng).images[0]
    if kind == 0:
        return post(rng, texture, np.array([cover[0], 2.5 * side]))
    if kind == 1:
        return blob(rng, texture, 1.3 * cover)
    thing = lenders.cutout(rng)
    # A silhouette has gaps, so it is larger than what it should hide; a thin one is not
    # endless.
    zoom = min(1.3 * (cover / thing.size).max(), 2.5 * side / thing.size.max())
    return resized(thing, thing.size * zoom)


def _shadow(rng: np.random.Generator, cutout: Cutout) -> tuple[int, int]:
    """One time of three a shadow that falls to one side and down, as far as a tenth of the
    size.
    """
    reach = 0.1 * float(cutout.size.max())
    if rng.random() > 0.33 or reach < 2:
        return 0, 0
    return round(float(rng.uniform(-reach, reach))), round(float(rng.uniform(1, reach)))
