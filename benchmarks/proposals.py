"""What is found in a frame without any prompt: recall of the true objects, and how much else
is proposed.

    python benchmarks/proposals.py DAVIS --every 20
    python benchmarks/proposals.py --scenes 8

An object is found if a proposal's mask has an IoU of at least 0.5 with it.  `found5` counts
only the best five proposals of a frame.  Seconds are the processor's, per frame.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from benchmarks.shared import Table, add_model_options, clips_of, model_of, run
from vseg.errors import UsageError
from vseg.grounding.automatic_masks import AutomaticMaskGenerator
from vseg.metrics.annotations import LabelFolder
from vseg.metrics.jf import region_similarity
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.types import Frame, Grounding
from vseg.video.images import ImageFolder

FOUND = 0.5
FIRST = 5
SMALLEST = 0.001
"""Objects of a made-up scene that show less than this share of the frame are not asked for."""

Truths = list[Bool[np.ndarray, "H W"]]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: shares and IoU in percent; IoU is the mean of each object's
    best.
    """

    clip: str
    frames: int
    objects: int
    found: float
    found5: float
    IoU: float
    proposals: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What one frame gave: for each object the best IoU of all proposals and of the first
    ones.
    """

    best: tuple[float, ...]
    best_first: tuple[float, ...]
    proposals: int
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("root", type=Path, nargs="?", help="a DAVIS tree")
    parser.add_argument("--clips", nargs="*")
    parser.add_argument("--every", type=int, default=10, help="look at every so many frames")
    parser.add_argument("--scenes", type=int, default=0, help="also this many made-up scenes")
    add_model_options(parser)
    options = parser.parse_args()
    if options.root is None and not options.scenes:
        raise UsageError("nothing to look at", hint="give a DAVIS tree, or --scenes 8")
    finder = AutomaticMaskGenerator(model_of(options))
    table = Table(Row)
    every = list[Seen]()
    for name, frames in _sources(options):
        seen = [look(finder, frame, truths) for frame, truths in frames]
        every += seen
        table.add(row_of(name, seen))
    table.add(row_of("MEAN", every))
    table.write(options.json)


def _sources(
    options: argparse.Namespace,
) -> Iterator[tuple[str, Iterator[tuple[Frame, Truths]]]]:
    if options.root is not None:
        for clip in clips_of(options.root, options.clips or ()):
            yield clip.name, _davis(clip.images, clip.truth, options.every)
    for seed in range(options.scenes):
        yield f"scene {seed}", _made_up(seed)


def _davis(images: Path, truth: Path, every: int) -> Iterator[tuple[Frame, Truths]]:
    """Every so many frames, with the masks of the objects that are in the image."""
    with ImageFolder(images) as video:
        for frame, label in zip(video, LabelFolder.open(truth), strict=False):
            if frame.index % every == 0:
                masks = [label.mask(object_id) for object_id in label.object_ids]
                yield frame, [mask for mask in masks if mask.any()]


def _made_up(seed: int) -> Iterator[tuple[Frame, Truths]]:
    """The first frame of a scene of four bodies, with what is seen of them."""
    scene = SyntheticVideo(SceneConfig(360, 640, 1, seed=seed, num_objects=4, occluders=0))
    drawn = scene.draw(0)
    masks = [drawn.labels == object_id for object_id in range(1, 5)]
    yield drawn.frame, [mask for mask in masks if mask.mean() >= SMALLEST]


def look(finder: AutomaticMaskGenerator, frame: Frame, truths: Truths) -> Seen:
    """What is found on one frame, against the masks of its objects."""
    began = time.process_time()
    grounding = finder.propose(frame)
    spent = time.process_time() - began
    ious = [_overlaps(grounding, truth) for truth in truths]
    return Seen(
        tuple(max(each, default=0.0) for each in ious),
        tuple(max(each[:FIRST], default=0.0) for each in ious),
        len(grounding.found),
        spent,
    )


def _overlaps(grounding: Grounding, truth: Bool[np.ndarray, "H W"]) -> list[float]:
    crops = grounding.found.masks or ()
    return [region_similarity(crop.paste(*truth.shape), truth) for crop in crops]


def row_of(name: str, seen: Sequence[Seen]) -> Row:
    """One clip's line, or that of several clips' frames together."""
    best = np.array([iou for each in seen for iou in each.best])
    first = np.array([iou for each in seen for iou in each.best_first])
    return Row(
        name,
        frames=len(seen),
        objects=len(best),
        found=100 * float(np.mean(best >= FOUND)) if len(best) else 0.0,
        found5=100 * float(np.mean(first >= FOUND)) if len(best) else 0.0,
        IoU=100 * float(np.mean(best)) if len(best) else 0.0,
        proposals=float(np.mean([each.proposals for each in seen])),
        seconds=float(np.mean([each.seconds for each in seen])),
    )


if __name__ == "__main__":
    run(main)
