"""Cars and people cut from the images of dataset zips, for the street."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from benchmarks.streets_scene import Patch
from vseg.errors import BadDataset
from vseg.training.text_head.named_images import load_named

# Sets whose masks of this word hold one figure each, nearly always whole.
SETS = {
    "cars": ("car", ("still/carparts/",)),
    "people": ("person", ("still/pennfudan/", "still/ccp/")),
}
# A smaller cut-out would be enlarged.
_LEAST_AREA = 3000


def figures_of(zips: Sequence[Path], kind: str) -> tuple[Patch, ...]:
    """All cut-outs of "cars" or "people", in the order of their images' names.

    Raises BadDataset if there are none.
    """
    figures = tuple(_cut_outs(zips, kind))
    if not figures:
        raise BadDataset(
            f"no {kind} in {', '.join(map(str, zips))}",
            hint=f"give --data zips that hold {' or '.join(SETS[kind][1])}",
        )
    return figures


def _cut_outs(zips: Sequence[Path], kind: str) -> Iterator[Patch]:
    word, sets = SETS[kind]
    for named in load_named(zips):
        if not named.name.startswith(sets):
            continue
        for object_id, words in named.words.items():
            mask = named.ids == object_id
            if word in words and mask.sum() >= _LEAST_AREA and not _at_border(mask):
                yield _cut_out(named.image, mask)


def _at_border(mask: Bool[np.ndarray, "H W"]) -> bool:
    edges = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    return any(bool(edge.any()) for edge in edges)


def _cut_out(image: UInt8[np.ndarray, "H W 3"], mask: Bool[np.ndarray, "H W"]) -> Patch:
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    place = (slice(y, y + height), slice(x, x + width))
    cover = cv2.GaussianBlur(mask.astype(np.float32), (3, 3), 0)[..., None]
    return np.concatenate([image.astype(np.float32), cover], axis=2)[place]
