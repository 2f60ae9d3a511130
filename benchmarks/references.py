"""How well an object is found by an example: its region of a later frame is looked for in the
clip's first.

    python benchmarks/references.py DAVIS --json references.json

Each object's mask on the middle and on the last frame that has one is the example, once as a
mask and once as its bounding box; the best find on the first frame is compared with the truth
(IoU, in percent), whatever its likeness.  found: whether it reaches the grounder's own
threshold.  Strangers are examples of every other clip's first object, of which nothing may
reach it.  DAVIS is laid out as `benchmarks/davis.py` has it.
"""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from benchmarks.shared import ClipFolders, Table, add_model_options, clips_of, model_of, run
from vseg.metrics.annotations import LabelFolder, LabelFrame
from vseg.session.exemplar import ExemplarGrounder
from vseg.types import Exemplar, Frame, MaskCrop
from vseg.video.images import ImageFolder

ANY = 1e-6
"""A threshold that every find reaches."""


@dataclass(frozen=True, slots=True)
class Row:
    """One example looked for in a clip; clip MEAN: over all of its kind.  iou, found, in
    percent.
    """

    clip: str
    example: str
    form: str
    iou: float | None
    likeness: float
    found: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("root", type=Path)
    parser.add_argument("--clips", nargs="*")
    add_model_options(parser)
    options = parser.parse_args()
    clips = clips_of(options.root, options.clips or ())
    grounder = ExemplarGrounder(model_of(options))
    table = Table(Row)
    rows: list[Row] = []
    for clip in clips:
        for row in (*_own(grounder, clip), *_strangers(grounder, clip, clips)):
            rows.append(row)
            table.add(row)
    for kind in dict.fromkeys((row.example, row.form) for row in rows):
        same = [row for row in rows if (row.example, row.form) == kind]
        table.add(_mean(kind, same))
        hits = sum(row.iou is not None and row.iou >= 50 for row in same)
        if kind[0] != "stranger":
            print(f"{kind[0]} frame as {kind[1]}: IoU >= 50 % for {hits} of {len(same)}")
    table.write(options.json)


def last_references(clip: ClipFolders, objects: Iterable[int]) -> dict[int, Exemplar]:
    """Each object's mask on the last frame that has it, as an example that the best find
    answers.
    """
    return {k: _reference(clip, _frames_with(clip, k)[-1], k) for k in objects}


def _own(grounder: ExemplarGrounder, clip: ClipFolders) -> Iterator[Row]:
    first = next(iter(LabelFolder.open(clip.truth)))
    for object_id in first.object_ids:
        seen = _frames_with(clip, object_id)
        for name, label in (("middle", seen[len(seen) // 2]), ("last", seen[-1])):
            example = _reference(clip, label, object_id)
            truth = first.mask(object_id)
            for form, region in (("mask", example.region), ("box", _boxed(example.region))):
                yield _row(
                    grounder, clip, Exemplar(example.image, region, name, ANY), form, truth
                )


def _strangers(
    grounder: ExemplarGrounder, clip: ClipFolders, clips: Iterable[ClipFolders]
) -> Iterator[Row]:
    for other in clips:
        if other.name != clip.name:
            label = next(frame for frame in LabelFolder.open(other.truth) if frame.object_ids)
            example = _reference(other, label, label.object_ids[0])
            stranger = Exemplar(example.image, example.region, "stranger", ANY)
            yield _row(grounder, clip, stranger, "mask", None)


def _row(
    grounder: ExemplarGrounder,
    clip: ClipFolders,
    example: Exemplar,
    form: str,
    truth: Bool[np.ndarray, "H W"] | None,
) -> Row:
    found = grounder.ground(_image(clip, 0), [example])
    best = float(found.best[0])
    iou = None
    if truth is not None:
        masks = found.found.masks or ()
        mask = masks[0].paste(*truth.shape) if masks else np.zeros_like(truth)
        iou = 100 * float((mask & truth).sum()) / max(1, int((mask | truth).sum()))
    return Row(
        clip.name, example.source, form, iou, 100 * best, 100.0 * (best >= grounder.threshold)
    )


def _mean(kind: tuple[str, str], rows: list[Row]) -> Row:
    ious = [row.iou for row in rows if row.iou is not None]
    likeness, found = (
        float(np.mean(v)) for v in zip(*((r.likeness, r.found) for r in rows), strict=True)
    )
    return Row("MEAN", *kind, float(np.mean(ious)) if ious else None, likeness, found)


def _frames_with(clip: ClipFolders, object_id: int) -> list[LabelFrame]:
    """The annotated frames that show the object."""
    return [frame for frame in LabelFolder.open(clip.truth) if object_id in frame.object_ids]


def _reference(clip: ClipFolders, label: LabelFrame, object_id: int) -> Exemplar:
    image = _image(clip, label.index).image
    return Exemplar(image, label.mask(object_id), f"{clip.name} {label.index}", ANY)


def _image(clip: ClipFolders, index: int) -> Frame:
    with ImageFolder(clip.images) as video:
        return video.read(index)


def _boxed(region: Bool[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    crop = MaskCrop.of(region)
    return MaskCrop(crop.x, crop.y, np.ones_like(crop.mask)).paste(*region.shape)


if __name__ == "__main__":
    run(main)
