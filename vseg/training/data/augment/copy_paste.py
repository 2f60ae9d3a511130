"""Copy-paste: look-alikes, further objects, and occluders of the followed ones.

Enters: a clip and stills with masked objects.  Leaves: the clip with one to three more layers,
some of them followed as further objects (Oh et al. 2019, Space-Time Memory Networks, paste
objects as occluders).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from vseg.training.data.augment.cutouts import (
    Cutout,
    cut,
    mirrored,
    recoloured,
    resized,
    textured_bar,
    textured_blob,
)
from vseg.training.data.augment.paste import Layer, paste, path_through
from vseg.training.data.augment.thin_plate_spline import draw_spline
from vseg.training.data.augment.trajectories import (
    crossing_trajectory,
    leaving_trajectory,
    random_trajectory,
)
from vseg.training.data.augment.warp import MotionRange, random_walk
from vseg.training.data.clip import MIN_SHARE, Clip, Extent, extent, large_ids
from vseg.training.data.dataset_zip import ZippedClip

# Chances and ranges are round values, chosen by eye on sheets of drawn sequences
# (benchmarks/sequences_sheet.py); not tuned.
_POSE = MotionRange(shift=0.0, rotation=14, zoom=0.1, shear=0.08)
_STIFF = MotionRange(shift=0.0, rotation=3, zoom=0.03, shear=0.0)
_MAX_PACE = 0.08  # in shares of the frame's side per image
_MAX_ZOOM = 2.0  # beyond, a cut-out would show its pixels
_COUNT_CHANCES = (0.55, 0.3, 0.15)  # of one, two and three objects
_P_LOOK_ALIKE = 0.5
_P_BEHIND = 0.3
_P_FOLLOWED = 0.75
_P_SPLINE = 0.5
_SPLINE_STRENGTH = (0.006, 0.03)
_P_SHADOW = 0.33
# Strengths of the colour jitter of a look-alike and of any other object.
_LOOK_ALIKE_JITTER = 0.15
_OBJECT_JITTER = 0.6
_OBJECT_SIDES = (0.12, 0.6)  # the longer one, in shares of the frame's


@dataclass(frozen=True, slots=True)
class PasteSource:
    """Stills whose objects may be pasted; each has at least one large enough."""

    stills: Sequence[ZippedClip]

    def still(self, rng: np.random.Generator) -> ZippedClip:
        """Any of the stills."""
        return self.stills[int(rng.integers(len(self.stills)))]

    def cutout(self, rng: np.random.Generator) -> Cutout:
        """One of the large objects of any of them."""
        still = self.still(rng)
        ids = large_ids(still.masks[0], 2 * MIN_SHARE)
        return cut(still.images[0], still.masks[0] == int(rng.choice(ids)))


def paste_objects(
    rng: np.random.Generator, clip: Clip, source: PasteSource, objects: int, p_leave: float
) -> Clip:
    """The clip with one to three more moving objects; at most `objects` are followed.

    p_leave: chance that a followed one leaves the frame.
    """
    count = 1 + int(rng.choice(len(_COUNT_CHANCES), p=_COUNT_CHANCES))
    followed = clip.objects
    for _ in range(count):
        label = followed + 1 if followed < objects and rng.random() < _P_FOLLOWED else 0
        clip = paste(clip, _moving_object(rng, clip, source, label, p_leave))
        followed = max(followed, label)
    return clip


def _moving_object(
    rng: np.random.Generator, clip: Clip, source: PasteSource, label: int, p_leave: float
) -> Layer:
    """An object anywhere in the first image, on any way; before or behind the others."""
    side = clip.side
    length = len(clip.images)
    cutout = _pasted_cutout(rng, clip, source)
    start = rng.uniform(0.05, 0.95, 2) * side
    if label and rng.random() < p_leave:
        offsets = leaving_trajectory(rng, Extent(start, cutout.size), side, length)
    else:
        offsets = random_trajectory(rng, rng.uniform(0.1, 1) * _MAX_PACE * side, length)
    path = path_through(cutout, start + offsets, random_walk(rng, _POSE, side, length))
    spline = None
    if rng.random() < _P_SPLINE:
        spline = draw_spline(rng, rng.uniform(*_SPLINE_STRENGTH))
    return Layer(
        cutout,
        path,
        label,
        spline,
        behind=rng.random() < _P_BEHIND,
        shutter=max(0.0, rng.uniform(-0.3, 0.3)),
        shadow=_shadow(rng, cutout),
    )


def _pasted_cutout(rng: np.random.Generator, clip: Clip, source: PasteSource) -> Cutout:
    """A cut-out of its final size: a look-alike of the first object, or an object of any
    still.
    """
    image = clip.images[0]
    model = clip.labels[0] == 1
    if model.any() and rng.random() < _P_LOOK_ALIKE:
        cutout = recoloured(rng, cut(image, model), image, _LOOK_ALIKE_JITTER)
        size = cutout.size * np.exp(rng.uniform(-0.5, 0.2))
    else:
        cutout = recoloured(rng, source.cutout(rng), image, _OBJECT_JITTER)
        longest = np.exp(rng.uniform(*np.log(_OBJECT_SIDES))) * clip.side
        size = cutout.size * min(longest / cutout.size.max(), _MAX_ZOOM)
    cutout = mirrored(cutout) if rng.random() < 0.5 else cutout
    return resized(cutout, size)


def occlude(rng: np.random.Generator, clip: Clip, source: PasteSource) -> Clip:
    """The clip with an occluder that passes before one of the followed objects.

    It mostly hides the whole object; of one larger than most of the frame only a part, or
    nothing else would be in view.
    """
    side = clip.side
    length = len(clip.images)
    when = int(rng.integers(1, length))
    target = clip.labels[when] == int(rng.integers(1, max(clip.objects, 1) + 1))
    if not target.any():
        return clip
    body = extent(target)
    cover = np.clip(body.size * rng.uniform(1.0, 1.7, 2), 0.08 * side, 0.65 * side)
    occluder = _occluder(rng, source, cover, side)
    pace = rng.uniform(0.25, 1.1) * (cover[0] + body.size[0])
    places = crossing_trajectory(rng, body.centre, when, pace, length)
    path = path_through(occluder, places, random_walk(rng, _STIFF, side, length))
    return paste(clip, Layer(occluder, path, shutter=max(0.0, rng.uniform(-0.1, 0.15))))


def _occluder(
    rng: np.random.Generator, source: PasteSource, cover: Float64[np.ndarray, " 2"], side: int
) -> Cutout:
    """A bar higher than the frame, a blob, or an object of any still, to cover that much."""
    kind = int(rng.integers(3))
    texture = source.still(rng).images[0]
    if kind == 0:
        return textured_bar(rng, texture, np.array([cover[0], 2.5 * side]))
    if kind == 1:
        return textured_blob(rng, texture, 1.3 * cover)
    cutout = source.cutout(rng)
    # A silhouette has gaps, so it is 1.3 times larger than what it should hide; a thin one
    # must not grow without end.
    zoom = min(1.3 * (cover / cutout.size).max(), 2.5 * side / cutout.size.max())
    return resized(cutout, cutout.size * zoom)


def _shadow(rng: np.random.Generator, cutout: Cutout) -> tuple[int, int]:
    """The offset of a shadow to one side and down, by up to a tenth of the size; (0, 0), none,
    two times of three.
    """
    reach = 0.1 * float(cutout.size.max())
    if rng.random() > _P_SHADOW or reach < 2:
        return 0, 0
    return round(float(rng.uniform(-reach, reach))), round(float(rng.uniform(1, reach)))
