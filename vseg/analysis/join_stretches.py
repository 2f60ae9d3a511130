"""One run of several: stretches of a clip that were tracked apart, with some frames in common.

Enters: finished runs of one clip, by ascending frames, each of which has frames in common with
the next.  Leaves: one run over all their frames.  Objects of two neighbours are one object
where their masks share most of their pixels on the common frames; half of those are the
earlier run's, half the later one's.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from vseg.build import open_run
from vseg.errors import BadRun
from vseg.frame_masks import FrameMasks
from vseg.ops.masks import crop_overlap
from vseg.results import Run, RunWriter
from vseg.results.frame_index import FrameIndex
from vseg.results.records import RunHeader
from vseg.results.write_lock import write_lock
from vseg.types import TrackEvent
from vseg_trackers.assignment import Candidates, assign

SAME_IOU = 0.5
"""Of all pixels over the common frames.  Masks of one run share no pixel, so above a half an
object has at most one partner (Kirillov et al., Panoptic Segmentation, 2019, section 4)."""


@dataclass(frozen=True, slots=True)
class JoinedRun:
    """What came of it.  joined: how many objects of later runs were known to earlier ones."""

    header: RunHeader
    frames: int
    joined: int


@dataclass(slots=True)
class _Names:
    """Ids for the objects of all runs.  same: of each run, which of its objects are which of
    the run before.
    """

    same: Sequence[Mapping[int, int]]
    keep: bool
    given: dict[tuple[int, int], int] = field(default_factory=dict)

    def of(self, number: int, object_id: int) -> int:
        """The id of an object of a run; a new one is one more than the greatest."""
        while object_id in self.same[number]:
            object_id = self.same[number][object_id]
            number -= 1
        key = number, object_id
        if key not in self.given:
            free = max(self.given.values(), default=0) + 1
            self.given[key] = object_id if number == 0 or self.keep else free
        return self.given[key]


def join_stretches(
    paths: Sequence[Path],
    out: Path,
    asked: RunHeader,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> JoinedRun:
    """Write the run `out`, in place of what is there.

    asked: the header of the whole: range, settings, options.  on_frame(done, total): called
    after each frame.  Raises BadRun where the runs do not follow one another.
    """
    runs = [open_run(path, revision=0) for path in paths]
    _check(runs)
    # Ids of a detections file that are kept are the same in every stretch.
    keep = bool(asked.options.get("detections.keep_ids", False))
    pairs = pairwise(runs)
    same = [{}, *({} if keep else _partners(one, other) for one, other in pairs)]
    names = _Names(same, keep)
    for first in runs[0].objects:  # they keep their ids, also those that are visible late
        names.of(0, first.id)
    total = sum(stop - first for first, stop in _seams(runs))
    with write_lock(out):
        writer = RunWriter.create(out, asked, runs[0].prompts, overwrite=True)
        joined = _Join(runs, names, writer, on_frame, total)
        joined.write()
    return JoinedRun(writer.header, joined.frames, sum(map(len, same)))


def _check(runs: Sequence[Run]) -> None:
    for run in runs:
        if not run.header.finished:
            raise BadRun(f"the run at {run.path} is {run.header.status}", hint="finish it")
    for one, other in pairwise(runs):
        same_clip = one.header.source.sha256 == other.header.source.sha256
        begins = _range(other)[0]
        ends = _range(one)[1]
        if not same_clip or not _range(one)[0] < begins < ends < _range(other)[1]:
            raise BadRun(
                f"{other.path} does not go on where {one.path} ends",
                hint="they must be of one clip, and have frames in common",
            )


def _range(run: Run) -> tuple[int, int]:
    return run.header.frame_range or (0, run.video.num_frames or 0)


def _seams(runs: Sequence[Run]) -> list[tuple[int, int]]:
    """The frames of each run that count: up to the middle of those in common."""
    ranges = [_range(run) for run in runs]
    middles = [(other[0] + one[1]) // 2 for one, other in pairwise(ranges)]
    begins = [ranges[0][0], *middles]
    return list(zip(begins, [*middles, ranges[-1][1]], strict=True))


def _partners(one: Run, other: Run) -> dict[int, int]:
    """Which objects of the later run are which of the earlier."""
    sizes: tuple[Counter[int], Counter[int]] = (Counter(), Counter())
    shared: Counter[tuple[int, int]] = Counter()
    for number in range(_range(other)[0], _range(one)[1]):
        if number not in one or number not in other:
            continue
        crops = [{i: masks.crop(i) for i in masks} for masks in (one[number], other[number])]
        for of_run, seen in zip(sizes, crops, strict=True):
            of_run.update({i: crop.area for i, crop in seen.items()})
        for i, early in crops[0].items():
            shared.update({(j, i): crop_overlap(early, late) for j, late in crops[1].items()})
    iou = {
        (j, i): both / (sizes[0][i] + sizes[1][j] - both)
        for (j, i), both in shared.items()
        if both
    }
    kept = {pair: value for pair, value in iou.items() if value > SAME_IOU}
    pairs = np.array(list(kept), dtype=np.int64).reshape(-1, 2)
    gain = np.array(list(kept.values()), dtype=np.float64)
    chosen = assign(Candidates(pairs[:, 0], pairs[:, 1], gain))
    return dict(zip(chosen.rows.tolist(), chosen.columns.tolist(), strict=True))


@dataclass(slots=True)
class _Join:
    """The frames of all runs on their way into one."""

    runs: Sequence[Run]
    names: _Names
    writer: RunWriter
    on_frame: Callable[[int, int], None]
    total: int
    frames: int = 0

    def write(self) -> None:
        damage = None
        created: set[int] = set()
        for number, (first, stop) in enumerate(_seams(self.runs)):
            run = self.runs[number]
            # Who was gone before this run counts is not in the whole one.
            seen = {o.id for o in run.objects if (o.last_frame or 0) >= first}
            ids = [
                i
                for i in run.object_ids
                if i in seen or not number or i in self.names.same[number]
            ]
            name = {i: self.names.of(number, i) for i in ids}
            self.writer.note(list(_events(run, (first, stop), name, created)))
            for stored in _frames_of(run, first, stop):
                self._frame(stored, name)
            damage = run.header.damage or damage
        self.writer.note(_unfound(self.runs))
        self.writer.finish(damage)

    def _frame(
        self, stored: FrameMasks | tuple[int, float, str], name: Mapping[int, int]
    ) -> None:
        if not isinstance(stored, FrameMasks):
            self.writer.write_damaged(*stored)
        elif self.writer.write(_renamed(stored, name)):
            self.writer.commit()
        self.frames += 1
        self.on_frame(self.frames, self.total)


def _events(
    run: Run, counts: tuple[int, int], name: Mapping[int, int], created: set[int]
) -> Iterator[TrackEvent]:
    """What happened on the frames of a run that count; an object that it alone knows begins
    then, if it began earlier.

    created: the ids of those that began, and takes more.
    """
    first, stop = counts
    for event in run.events:
        object_id = event.object_id
        if event.kind == "not_found" or event.frame >= stop:
            continue
        if object_id is None:
            if event.frame >= first:
                yield event
        elif object_id in name and (event.kind == "created" or event.frame >= first):
            merged = name.get(event.track_id or 0) if event.kind == "merged" else None
            changed = replace(
                event,
                frame=max(first, event.frame),
                object_id=name[object_id],
                track_id=merged or event.track_id,
            )
            if event.kind != "created":
                yield changed
            elif name[object_id] not in created:
                created.add(name[object_id])
                yield changed


def _renamed(masks: FrameMasks, name: Mapping[int, int]) -> FrameMasks:
    """The frame under other ids; who has none is left out."""
    rows = [row for row, i in enumerate(masks.object_ids) if i in name]
    rows.sort(key=lambda row: name[masks.object_ids[row]])
    ids = [masks.object_ids[row] for row in rows]
    return replace(
        masks,
        object_ids=tuple(name[i] for i in ids),
        scores=masks.scores[rows],
        visible=masks.visible[rows],
        crops={name[i]: masks.crop(i) for i in ids},
        sources=tuple(masks.sources[row] for row in rows),
    )


def _frames_of(
    run: Run, first: int, stop: int
) -> Iterator[FrameMasks | tuple[int, float, str]]:
    """The frames of a run in order; of a damaged one number, time and reason."""
    index = FrameIndex(run.content, run.header)
    for shard in index.shards:
        for row in index.every_row(shard).to_pylist():
            if not first <= row["index"] < stop:
                continue
            if row["damage"] is None:
                yield run[row["index"]]
            else:
                yield row["index"], row["time_s"], row["damage"]


def _unfound(runs: Sequence[Run]) -> list[TrackEvent]:
    """What no run found: of each description the event of the run that came closest."""
    events = [{e.label: e for e in run.events if e.kind == "not_found"} for run in runs]
    everywhere = [label for label in events[0] if all(label in found for found in events)]
    return [
        max((found[label] for found in events), key=lambda e: e.score or 0.0)
        for label in everywhere
    ]
