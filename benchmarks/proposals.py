"""Automatic masks of a frame: recall of the true objects, and how many proposals there are.

    python benchmarks/proposals.py DAVIS --every 20
    python benchmarks/proposals.py --scenes 8

An object is detected if a proposal's mask has an IoU of at least 0.5 with it.  `recall5` counts
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
from vseg.ops.masks import mask_iou
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.types import Frame, Grounding
from vseg.video.images import ImageFolder

MATCH_IOU = 0.5
FIRST = 5
SMALLEST = 0.001
"""Objects of a synthetic scene that show less than this share of the frame do not count."""

Truths = list[Bool[np.ndarray, "H W"]]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: recall and IoU in percent; IoU is the mean over objects of their
    best.
    """

    clip: str
    frames: int
    objects: int
    recall: float
    recall5: float
    IoU: float
    proposals: float
    seconds: float


@dataclass(frozen=True, slots=True)
class FrameResult:
    """One frame: object by object the best IoU of all proposals and of the first ones."""

    best: tuple[float, ...]
    best_first: tuple[float, ...]
    proposals: int
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("root", type=Path, nargs="?", help="a DAVIS tree")
    parser.add_argument("--clips", nargs="*")
    parser.add_argument(
        "--every", type=int, default=10, help="frames from one measured frame to the next"
    )
    parser.add_argument("--scenes", type=int, default=0, help="also so many synthetic scenes")
    add_model_options(parser)
    options = parser.parse_args()
    if options.root is None and not options.scenes:
        raise UsageError("nothing to measure", hint="give a DAVIS tree, or --scenes 8")
    generator = AutomaticMaskGenerator(model_of(options))
    table = Table(Row)
    all_frames = list[FrameResult]()
    for name, frames in _sources(options):
        results = [evaluate(generator, frame, truths) for frame, truths in frames]
        all_frames += results
        table.add(row_of(name, results))
    table.add(row_of("MEAN", all_frames))
    table.write(options.json)


def _sources(
    options: argparse.Namespace,
) -> Iterator[tuple[str, Iterator[tuple[Frame, Truths]]]]:
    if options.root is not None:
        for clip in clips_of(options.root, options.clips or ()):
            yield clip.name, _davis(clip.images, clip.truth, options.every)
    for seed in range(options.scenes):
        yield f"scene {seed}", _synthetic(seed)


def _davis(images: Path, truth: Path, every: int) -> Iterator[tuple[Frame, Truths]]:
    """Every so many frames, with the masks of the objects that are visible."""
    with ImageFolder(images) as video:
        for frame, label in zip(video, LabelFolder.open(truth), strict=False):
            if frame.index % every == 0:
                masks = [label.mask(object_id) for object_id in label.object_ids]
                yield frame, [mask for mask in masks if mask.any()]


def _synthetic(seed: int) -> Iterator[tuple[Frame, Truths]]:
    """The first frame of a scene of four objects, with their visible masks."""
    scene = SyntheticVideo(SceneConfig(360, 640, 1, seed=seed, num_objects=4, occluders=0))
    true = scene.draw(0)
    masks = [true.labels == object_id for object_id in range(1, 5)]
    yield true.frame, [mask for mask in masks if mask.mean() >= SMALLEST]


def evaluate(generator: AutomaticMaskGenerator, frame: Frame, truths: Truths) -> FrameResult:
    """The proposals of one frame, compared with the masks of its objects."""
    began = time.process_time()
    grounding = generator.propose(frame)
    spent = time.process_time() - began
    ious = [_overlaps(grounding, truth) for truth in truths]
    return FrameResult(
        tuple(max(by_proposal, default=0.0) for by_proposal in ious),
        tuple(max(by_proposal[:FIRST], default=0.0) for by_proposal in ious),
        len(grounding.found),
        spent,
    )


def _overlaps(grounding: Grounding, truth: Bool[np.ndarray, "H W"]) -> list[float]:
    crops = grounding.found.masks or ()
    return [mask_iou(crop.paste(*truth.shape), truth) for crop in crops]


def row_of(name: str, results: Sequence[FrameResult]) -> Row:
    """The line of one clip, or of the frames of several together."""
    best = np.array([iou for result in results for iou in result.best])
    first = np.array([iou for result in results for iou in result.best_first])
    return Row(
        name,
        frames=len(results),
        objects=len(best),
        recall=100 * float(np.mean(best >= MATCH_IOU)) if len(best) else 0.0,
        recall5=100 * float(np.mean(first >= MATCH_IOU)) if len(best) else 0.0,
        IoU=100 * float(np.mean(best)) if len(best) else 0.0,
        proposals=float(np.mean([result.proposals for result in results])),
        seconds=float(np.mean([result.seconds for result in results])),
    )


if __name__ == "__main__":
    run(main)
