"""How much of the mask of one clicked object lies on others, where an image shows several of a
kind.

    python benchmarks/spill.py --data pack.zip --data words.zip
    python benchmarks/spill.py --data pack.zip --data words.zip --prompts box --short-sides 384

The images are the COCO samples that a hash of their names keeps out of training clicks
(`vseg.training.data.held_out`).  Every object that has another one of its kind
in the image is prompted alone; prompts are made from its true mask.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from benchmarks.shared import (
    FIVE_SIDES,
    Table,
    add_model_options,
    models_of,
    prompt_object,
    run,
    spread_of,
)
from vseg import Session
from vseg.interfaces.model import Model
from vseg.ops.masks import mask_iou
from vseg.training.data.held_out import is_held_out
from vseg.training.text_head.named_images import NamedImage, load_named
from vseg.types import Frame

SMALLEST = 0.005
"""Objects of less than this share of the image are neither prompted nor counted as others of a
kind.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table, in percent, means over objects; short_side: None for the mean over
    all sides, with the standard deviation of spill over them.
    """

    prompt: str
    short_side: int | None
    images: int
    objects: int
    IoU: float
    spill: float
    spread: float | None = None


def main() -> None:
    options = _options()
    images = [
        image
        for image in load_named(options.data)
        if image.exhaustive and is_held_out(image.name) and several(image)
    ]
    table = Table(Row)
    for kind in options.prompts:
        rows = [
            row_of(kind, side, [_measured(model, image, kind) for image in images])
            for side, model in models_of(options)
        ]
        for row in rows:
            table.add(row)
        table.add(mean_row(rows))
    table.write(options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--data", type=Path, action="append", required=True, help="a dataset zip"
    )
    parser.add_argument(
        "--prompts",
        nargs="+",
        choices=("click", "3clicks", "box", "scribble"),
        default=["click"],
    )
    add_model_options(parser, sides=FIVE_SIDES)
    return parser.parse_args()


def several(image: NamedImage) -> list[int]:
    """The ids of objects that have another one of their kind in the image."""
    large = [i for i in image.words if (image.ids == i).mean() >= SMALLEST and image.words[i]]
    kinds = Counter(image.words[i] for i in large)
    return [i for i in large if kinds[image.words[i]] > 1]


def spill(mask: Bool[np.ndarray, "H W"], ids: UInt8[np.ndarray, "H W"], own: int) -> float:
    """The share of a mask that is on other objects; 0 for an empty one."""
    others = (ids != own) & (ids > 0) & (ids < 255)
    return float((mask & others).sum()) / max(1, int(mask.sum()))


def _measured(model: Model, image: NamedImage, kind: str) -> list[tuple[float, float]]:
    """(IoU, spill) of the image's objects that have another one of their kind."""
    frame = Frame(0, pts=0, time_s=0.0, image=image.image)
    measured = []
    with Session(model) as session:
        for own in several(image):
            truth = image.ids == own
            mask = prompt_object(session, own, truth, kind, frame)[own]
            session.remove(own)  # the next one is prompted alone, too
            measured.append((mask_iou(mask, truth), spill(mask, image.ids, own)))
    return measured


def row_of(kind: str, side: int, by_image: Sequence[Sequence[tuple[float, float]]]) -> Row:
    """The line of one short side."""
    pairs = np.array([pair for image in by_image for pair in image]).reshape(-1, 2)
    iou, spilled = (100 * pairs.mean(axis=0)).tolist() if len(pairs) else (0.0, 0.0)
    return Row(kind, side, len(by_image), len(pairs), iou, spilled)


def mean_row(rows: Sequence[Row]) -> Row:
    """The mean over the short sides."""
    return Row(
        rows[0].prompt,
        None,
        rows[0].images,
        rows[0].objects,
        IoU=float(np.mean([row.IoU for row in rows])),
        spill=float(np.mean([row.spill for row in rows])),
        spread=spread_of([row.spill for row in rows]),
    )


if __name__ == "__main__":
    run(main)
