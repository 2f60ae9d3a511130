"""Synthetic scenes as training sequences: deforming bodies, crossings, look-alikes, exact
masks.

Enters: a generator.  Leaves: a clip of a random synthetic scene; some of its objects are
followed, the others distract and occlude.
"""

from dataclasses import replace

import numpy as np

from vseg.synthetic import SyntheticVideo, random_scene
from vseg.training.data.clip import MIN_SHARE, Clip, large_ids

# Enough for any length and gap of the recipes; a scene costs the same however long it is.
_FRAMES = 160
# More objects than this only hide one another at training sizes.
_MAX_OBJECTS = 4


def clip_of_scene(
    rng: np.random.Generator, shape: tuple[int, int], objects: int, max_gap: int
) -> Clip:
    """Images of a scene, up to `max_gap` frames apart, with up to `objects` to follow.

    shape: (side, length).  The labels are all 0 if no object is large enough in the first
    image.
    """
    side, length = shape
    config = random_scene(
        int(rng.integers(2**31)), height=side, width=side, num_frames=_FRAMES
    )
    scene = SyntheticVideo(
        replace(config, num_objects=min(config.num_objects, _MAX_OBJECTS), cut_at=None)
    )
    gap = int(rng.integers(1, min(max_gap, (_FRAMES - 1) // (length - 1)) + 1))
    start = int(rng.integers(_FRAMES - gap * (length - 1)))
    frames = [scene.draw(start + gap * t) for t in range(length)]
    visible = rng.permutation(large_ids(frames[0].labels, MIN_SHARE))
    table = np.zeros(256, np.uint8)
    for k, label in enumerate(visible[:objects]):
        table[int(label)] = k + 1
    return Clip(
        tuple(true.frame.image for true in frames),
        tuple(table[true.labels] for true in frames),
    )
