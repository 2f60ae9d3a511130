"""Two revisions of a run side by side: where objects differ, and by how much.

Enters: a run and two revision numbers.  Leaves: per object the spans of frames whose masks
differ, with their IoU.  Shards that both share are not read; memory holds one shard of each.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from os.path import samefile
from pathlib import Path

from vseg.errors import BadRun
from vseg.ops.masks import crop_iou
from vseg.results.frame_index import FrameIndex
from vseg.results.layout import MASK_SHARDS, content_root, read_header, shard_path
from vseg.results.mask_rows import FrameRecord, MaskRow
from vseg.results.masks import unpack_row
from vseg.results.records import RunHeader
from vseg.results.shards import read_shard
from vseg.types import MaskCrop


@dataclass(frozen=True, slots=True)
class DifferingSpan:
    """Consecutive frames [first, end) on which an object's masks differ.

    mean_iou, least_iou: of the masks on these frames; a mask that only one of the revisions
    has counts 0.
    """

    object_id: int
    first: int
    end: int
    mean_iou: float
    least_iou: float


@dataclass(slots=True)
class _OpenSpan:
    first: int
    end: int
    total: float
    least: float

    def closed(self, object_id: int) -> DifferingSpan:
        mean = self.total / (self.end - self.first)
        return DifferingSpan(object_id, self.first, self.end, mean, self.least)


def compare_revisions(path: Path, one: int, other: int) -> tuple[DifferingSpan, ...]:
    """Where two revisions differ, by object and frame.  Raises BadRun."""
    header = read_header(path)
    if not header.finished:
        raise BadRun(f"the run at {path} is {header.status}", hint="finish it with --resume")
    roots = content_root(path, header, one), content_root(path, header, other)
    opened: dict[int, _OpenSpan] = {}
    found: list[DifferingSpan] = []
    for object_id, frame, iou in _differences(header, *roots):
        span = opened.get(object_id)
        if span is not None and span.end == frame:
            span.end += 1
            span.total += iou
            span.least = min(span.least, iou)
            continue
        if span is not None:
            found.append(span.closed(object_id))
        opened[object_id] = _OpenSpan(frame, frame + 1, iou, iou)
    found += [span.closed(object_id) for object_id, span in opened.items()]
    return tuple(sorted(found, key=lambda span: (span.object_id, span.first)))


def is_shared(one: Path, other: Path, shard: int) -> bool:
    """Whether two revisions have the same file of masks, which neither changed."""
    paths = [shard_path(root, MASK_SHARDS, shard) for root in (one, other)]
    # A file that is lost is nobody's: who reads it says so.
    return all(path.is_file() for path in paths) and samefile(*paths)


def _differences(
    header: RunHeader, one: Path, other: Path
) -> Iterator[tuple[int, int, float]]:
    """(object, frame, IoU) of every mask that differs, by ascending frame."""
    indexes = FrameIndex(one, header), FrameIndex(other, header)
    for shard in indexes[0].shards:
        if is_shared(one, other, shard):
            continue
        frames = (
            read_shard(root, shard, index.table(shard)).records()
            for root, index in zip((one, other), indexes, strict=True)
        )
        for before, after in zip(*frames, strict=True):
            yield from _of_frame(header, before, after)


def _of_frame(
    header: RunHeader, before: FrameRecord, after: FrameRecord
) -> Iterator[tuple[int, int, float]]:
    old = {row.object_id: row for row in before.rows}
    new = {row.object_id: row for row in after.rows}
    for object_id in sorted(old.keys() | new.keys()):
        pair = old.get(object_id), new.get(object_id)
        if pair[0] == pair[1]:
            continue
        iou = crop_iou(_crop(header, pair[0]), _crop(header, pair[1]))
        if iou < 1:
            yield object_id, before.index, iou


def _crop(header: RunHeader, row: MaskRow | None) -> MaskCrop:
    """A row's mask; nothing of an object that has no row."""
    if row is None:
        return MaskCrop.empty()
    return unpack_row(row, header.video.height, header.video.width)
