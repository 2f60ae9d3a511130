"""MOTS: run lengths in one text file, or label images of 16 bits.

`mots`: a line `frame id class height width counts` per mask.  `mots-png`: 000001.png and so
on; a pixel's value is its object's id.  Frames count from 1, or from 0 in files of KITTI.  An
id is class * 1000 + instance; 10000 are regions to be ignored.  A car is class 1, a pedestrian
class 2, and everything else is written as the latter, because evaluators know no third.  Masks
of a frame are disjoint.  Format: Voigtlaender et al., MOTS: Multi-Object Tracking and
Segmentation, 2019.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from vseg.errors import BadExchange, OutputError
from vseg.exchange.file_rows import add_whole, located
from vseg.exchange.held_masks import OVERLAP, disjoint, label_image
from vseg.exchange.label_files import labelled, numbered_files, read_labels
from vseg.exchange.segmentation import Runs, mask_of
from vseg.frame_masks import FrameMasks
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink
from vseg.ops.rle import encode_rle

INSTANCES = 1000
"""Ids of a class: one is its number times this, plus the instance."""
_IGNORED = 10
_CAR = 1
_PEDESTRIAN = 2


class MotsFormat(MaskFormat):
    """One text file."""

    name = "mots"
    suffix = ".txt"
    loss = OVERLAP

    def held(self, masks: FrameMasks) -> FrameMasks:
        """One object per pixel."""
        return disjoint(masks)

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the file.  Raises OutputError if an object id exceeds 999."""
        ids = mots_ids(masks)
        with path.open("w", encoding="ascii", newline="\n") as handle:
            for frame in map(disjoint, masks):
                for obj in frame:
                    crop = frame.crop(obj)
                    if crop.area:
                        counts = encode_rle(crop, frame.height, frame.width)
                        size = f"{frame.height} {frame.width}"
                        row = f"{ids[obj]} {ids[obj] // INSTANCES} {size} {counts}"
                        handle.write(f"{frame.frame_index + 1} {row}\n")

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give the mask of every line."""
        first = min((columns[0] for _, columns, _ in _lines(path)), default=1)
        ids = set[int]()
        for where, (frame, number, kind, height, width), counts in _lines(path):
            if kind == _IGNORED:
                continue
            with located(where):
                mask = mask_of(Runs(size=(height, width), counts=counts), sink.video)
                add_whole(sink, frame - min(1, first), number, mask)
            ids.add(number)
        _number_instances(sink, ids)


class MotsPngFormat(MaskFormat):
    """A label image of 16 bits for each frame."""

    name = "mots-png"
    suffix = ".png"
    folder = True
    loss = OVERLAP

    def held(self, masks: FrameMasks) -> FrameMasks:
        """One object per pixel."""
        return disjoint(masks)

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the folder.  Raises OutputError if an object id exceeds 999."""
        ids = mots_ids(masks)
        for frame in masks:
            values = np.array([0, *(ids[obj] for obj in frame)], dtype=np.uint16)
            image = Image.fromarray(values[label_image(frame)])
            image.save(path / f"{frame.frame_index + 1:06d}.png")

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give every object of every file."""
        ids = set[int]()
        first: int | None = None
        for number, file in numbered_files(path, self.suffix):
            first = min(1, number) if first is None else first
            labels = read_labels(file, sink.video)
            with located(str(file)):
                sink.add_frame(number - first)
                for value, crop in labelled(labels):
                    if value // INSTANCES != _IGNORED:
                        add_whole(sink, number - first, value, crop)
                        ids.add(value)
        _number_instances(sink, ids)


def mots_ids(masks: MaskSequence) -> dict[int, int]:
    """The id in the file of every object.  Raises OutputError if one exceeds 999."""
    too_high = [obj for obj in masks.object_ids if obj >= INSTANCES]
    if too_high:
        raise OutputError(
            f"object {too_high[0]} does not fit MOTS, whose instances end at {INSTANCES - 1}",
            hint="export to coco, or track with lower ids",
        )
    classes = {obj: _class_of(masks.labels.get(obj)) for obj in masks.object_ids}
    return {obj: number * INSTANCES + obj for obj, number in classes.items()}


def _number_instances(sink: MaskSink, ids: Collection[int]) -> None:
    """Give objects the numbers of their instances, as they were written here.

    Other programs count the instances of every class from 1: where two classes share one, the
    objects keep their whole ids.
    """
    instances = {whole: whole % INSTANCES for whole in ids}
    if len(set(instances.values())) == len(ids) and 0 not in instances.values():
        sink.renumber(instances)


def _class_of(label: str | None) -> int:
    return _CAR if label == "car" else _PEDESTRIAN


def _lines(path: Path) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """Where, the five numbers and the counts of every line."""
    with path.open(encoding="ascii", errors="replace") as handle:
        for number, text in enumerate(handle, start=1):
            where = f"{path}, line {number}"
            parts = text.split()
            if not parts:
                continue
            try:
                columns = tuple(int(part) for part in parts[:5])
            except ValueError as error:
                raise BadExchange(f"{where}: {error}", hint=_LINE) from error
            if len(parts) != 6:
                raise BadExchange(f"{where}: {len(parts)} columns, not 6", hint=_LINE)
            yield where, columns, parts[5]


_LINE = "a line is: frame id class height width run-lengths"
