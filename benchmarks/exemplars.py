"""How well an object is detected by an exemplar: its region of a later frame, on the clip's first.

    python benchmarks/exemplars.py DAVIS --json exemplars.json

The exemplar is an object's mask on the middle and on the last frame that has one, once as a
mask and once as its bounding box; the best detection on the first frame is compared with the
truth (IoU, in percent), whatever its similarity.  detected: whether it reaches the grounder's
own threshold.  Strangers are exemplars of every other clip's first object, none of which should
reach it.  DAVIS is laid out as `benchmarks/davis.py` has it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from benchmarks.shared import ClipFolders, Table, clips_of, folder_options, model_of, run
from vseg.metrics.annotations import LabelFolder, LabelFrame
from vseg.session.exemplar import ExemplarGrounder
from vseg.types import Exemplar, Frame, MaskCrop
from vseg.video.images import ImageFolder

ANY = 1e-6
"""A threshold that every detection reaches."""


@dataclass(frozen=True, slots=True)
class Row:
    """One exemplar on a clip; clip MEAN: over all of its kind.  All numbers are in percent."""

    clip: str
    exemplar: str
    form: str
    iou: float | None
    similarity: float
    detected: float


def main() -> None:
    options = folder_options(__doc__)
    clips = clips_of(options.root, options.clips or ())
    grounder = ExemplarGrounder(model_of(options))
    table = Table(Row)
    rows: list[Row] = []
    for clip in clips:
        for row in (*_own(grounder, clip), *_strangers(grounder, clip, clips)):
            rows.append(row)
            table.add(row)
    for kind in dict.fromkeys((row.exemplar, row.form) for row in rows):
        same = [row for row in rows if (row.exemplar, row.form) == kind]
        table.add(_mean(kind, same))
        hits = sum(row.iou is not None and row.iou >= 50 for row in same)
        if kind[0] != "stranger":
            print(f"{kind[0]} frame as {kind[1]}: IoU >= 50 % for {hits} of {len(same)}")
    table.write(options.json)


def last_exemplars(clip: ClipFolders, objects: Iterable[int]) -> dict[int, Exemplar]:
    """The objects' masks on the last frame that has them, as exemplars with a threshold that
    the best detection always reaches.
    """
    return {k: _exemplar(clip, _frames_with(clip, k)[-1], k) for k in objects}


def _own(grounder: ExemplarGrounder, clip: ClipFolders) -> Iterator[Row]:
    first = next(iter(LabelFolder.open(clip.truth)))
    for object_id in first.object_ids:
        labels = _frames_with(clip, object_id)
        for name, label in (("middle", labels[len(labels) // 2]), ("last", labels[-1])):
            exemplar = _exemplar(clip, label, object_id)
            truth = first.mask(object_id)
            for form, region in (("mask", exemplar.region), ("box", _boxed(exemplar.region))):
                yield _row(
                    grounder, clip, Exemplar(exemplar.image, region, name, ANY), form, truth
                )


def _strangers(
    grounder: ExemplarGrounder, clip: ClipFolders, clips: Iterable[ClipFolders]
) -> Iterator[Row]:
    for other in clips:
        if other.name != clip.name:
            label = next(frame for frame in LabelFolder.open(other.truth) if frame.object_ids)
            exemplar = _exemplar(other, label, label.object_ids[0])
            stranger = Exemplar(exemplar.image, exemplar.region, "stranger", ANY)
            yield _row(grounder, clip, stranger, "mask", None)


def _row(
    grounder: ExemplarGrounder,
    clip: ClipFolders,
    exemplar: Exemplar,
    form: str,
    truth: Bool[np.ndarray, "H W"] | None,
) -> Row:
    grounding = grounder.ground(_image(clip, 0), [exemplar])
    best = float(grounding.best[0])
    iou = None
    if truth is not None:
        masks = grounding.found.masks or ()
        mask = masks[0].paste(*truth.shape) if masks else np.zeros_like(truth)
        iou = 100 * float((mask & truth).sum()) / max(1, int((mask | truth).sum()))
    return Row(
        clip.name, exemplar.source, form, iou, 100 * best, 100.0 * (best >= grounder.threshold)
    )


def _mean(kind: tuple[str, str], rows: list[Row]) -> Row:
    ious = [row.iou for row in rows if row.iou is not None]
    iou = float(np.mean(ious)) if ious else None
    similarity = float(np.mean([row.similarity for row in rows]))
    detected = float(np.mean([row.detected for row in rows]))
    return Row("MEAN", *kind, iou, similarity, detected)


def _frames_with(clip: ClipFolders, object_id: int) -> list[LabelFrame]:
    """The annotated frames that show the object."""
    return [frame for frame in LabelFolder.open(clip.truth) if object_id in frame.object_ids]


def _exemplar(clip: ClipFolders, label: LabelFrame, object_id: int) -> Exemplar:
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
