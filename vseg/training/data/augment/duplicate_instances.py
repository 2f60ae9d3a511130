"""A real object a second time in its own clip: two that look the same, meet, and must be told
apart.

Enters: images of a clip with their masks, and other frames of it.  Leaves: the images with the
object of the other frames pasted near the first one, as object 2.  It moves by itself, unlike
a still look-alike.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from vseg.training.data.augment.cutouts import cut, mirrored, resized
from vseg.training.data.augment.paste import Layer, paste, path_through
from vseg.training.data.clip import Footage, extent

Image = tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"]]
_TWIN = 2


def draw_twin(rng: np.random.Generator, indices: Sequence[int], frames: int) -> list[int]:
    """Which frames the twin is taken from: as far apart as `indices`, a little before or after
    them.
    """
    shift = int(rng.integers(2, 12)) * int(rng.choice([-1, 1]))
    last = frames - 1
    folded = [abs(index + shift) for index in indices]
    return [min(max(2 * last - at if at > last else at, 0), last) for at in folded]


def twinned(
    rng: np.random.Generator, images: Sequence[Image], others: Sequence[Image]
) -> list[Image]:
    """The images with the object of the others on its way past the first one, before or behind
    it.
    """
    mirror = rng.random() < 0.6
    behind = rng.random() < 0.45
    body = extent(images[0][1] > 0).size
    reach = rng.uniform(0.3, 1.5) * max(body[0], 0.5 * body[1]) * rng.choice([-1, 1])
    sideways = np.linspace(reach, reach * rng.uniform(-1, 1), len(images))
    first, last = rng.normal(0, 0.1, 2) * body[1]
    upward = np.linspace(first, last, len(images))
    zoom = min(1.0, float(np.exp(rng.uniform(-0.25, 0.15))))
    made = []
    for composite, (image, mask), x, y in zip(images, others, sideways, upward, strict=True):
        if not mask.any() or not composite[1].any():
            made.append(composite)
            continue
        twin = cut(np.ascontiguousarray(image), mask > 0)
        twin = mirrored(twin) if mirror else twin
        twin = resized(twin, np.maximum(twin.size * zoom, 2))
        place = extent(composite[1] > 0).centre + np.array([x, y])
        path = path_through(twin, place[None], [np.eye(3)])
        made.append(_pasted(composite, Layer(twin, path, _TWIN, behind=behind)))
    return made


def _pasted(composite: Image, layer: Layer) -> Image:
    """The image with the layer, drawn on a square, which is what footage is."""
    image, labels = composite
    h, w = labels.shape
    room = ((0, max(h, w) - h), (0, max(h, w) - w))
    square = Footage((np.pad(image, (*room, (0, 0))),), (np.pad(labels, room),))
    drawn = paste(square, layer)
    return (
        np.ascontiguousarray(drawn.images[0][:h, :w]),
        np.ascontiguousarray(drawn.labels[0][:h, :w]),
    )
