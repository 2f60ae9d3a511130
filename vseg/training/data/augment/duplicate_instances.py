"""A real object a second time in its own clip: two of the same appearance that meet.

Enters: images of a clip with their masks, and other frames of it.  Leaves: the images with the
object of the other frames pasted near the first one, as object 2.  Unlike a pasted still it
moves as the real object does, so that only identity tells the two apart.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from vseg.training.data.augment.cutouts import cut, mirrored, resized
from vseg.training.data.augment.paste import Layer, paste, path_through
from vseg.training.data.clip import Clip, extent

LabelledImage = tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"]]

_DUPLICATE_LABEL = 2
# Round values; not tuned.
_P_MIRROR = 0.6
_P_BEHIND = 0.45
_FRAME_SHIFT = (2, 12)  # frames between an image and the one its duplicate is taken from


def draw_other_frames(
    rng: np.random.Generator, indices: Sequence[int], frames: int
) -> list[int]:
    """Which frames the duplicate is taken from: as far apart as `indices`, a little before or
    after them.
    """
    shift = int(rng.integers(*_FRAME_SHIFT)) * int(rng.choice([-1, 1]))
    last = frames - 1
    folded = [abs(index + shift) for index in indices]
    return [min(max(2 * last - at if at > last else at, 0), last) for at in folded]


def with_duplicate(
    rng: np.random.Generator, images: Sequence[LabelledImage], others: Sequence[LabelledImage]
) -> list[LabelledImage]:
    """The images with the object of `others` on its way past the first one, before or behind
    it.
    """
    mirror = rng.random() < _P_MIRROR
    behind = rng.random() < _P_BEHIND
    body = extent(images[0][1] > 0).size
    # It starts beside the object, at up to one and a half widths, and ends on any side of it.
    reach = rng.uniform(0.3, 1.5) * max(body[0], 0.5 * body[1]) * rng.choice([-1, 1])
    sideways = np.linspace(reach, reach * rng.uniform(-1, 1), len(images))
    first, last = rng.normal(0, 0.1, 2) * body[1]
    upward = np.linspace(first, last, len(images))
    zoom = min(1.0, float(np.exp(rng.uniform(-0.25, 0.15))))
    composites = []
    for labelled, (image, mask), x, y in zip(images, others, sideways, upward, strict=True):
        if not mask.any() or not labelled[1].any():
            composites.append(labelled)
            continue
        cutout = cut(np.ascontiguousarray(image), mask > 0)
        cutout = mirrored(cutout) if mirror else cutout
        cutout = resized(cutout, np.maximum(cutout.size * zoom, 2))
        place = extent(labelled[1] > 0).centre + np.array([x, y])
        path = path_through(cutout, place[None], [np.eye(3)])
        layer = Layer(cutout, path, _DUPLICATE_LABEL, behind=behind)
        composites.append(_pasted(labelled, layer))
    return composites


def _pasted(labelled: LabelledImage, layer: Layer) -> LabelledImage:
    """The image with the layer, padded to a square meanwhile because a Clip is square."""
    image, labels = labelled
    h, w = labels.shape
    padding = ((0, max(h, w) - h), (0, max(h, w) - w))
    square = Clip((np.pad(image, (*padding, (0, 0))),), (np.pad(labels, padding),))
    pasted = paste(square, layer)
    return (
        np.ascontiguousarray(pasted.images[0][:h, :w]),
        np.ascontiguousarray(pasted.labels[0][:h, :w]),
    )
