"""Offline association of a run: a finished run in, a new revision of it out.

Enters: a run directory.  Leaves: another one, in which objects that are one thing have one id, with the
changes in its events.jsonl and the smoothed, gap-filled boxes in tracks.txt (MOTChallenge).  The masks
themselves are kept as they are: where an object was not seen, none is invented.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from vseg.errors import BadRun
from vseg.ops.files import atomic_write_text
from vseg.results import Run, RunWriter, StoredMasks, open_run
from vseg.results.events import RunEvent
from vseg.results.layout import TRACKS
from vseg_trackers import Change, Filled, Joined, Linked, Tracklet, link


@dataclass(frozen=True, slots=True)
class Revision:
    """What an association made of a run.  before, after: how many objects there were and are."""

    out: Path
    before: int
    after: int
    changes: tuple[RunEvent, ...]


@dataclass(frozen=True, slots=True)
class _Clip:
    """The frames of a run: their numbers and times."""

    numbers: Int64[np.ndarray, " F"]
    times_s: Float64[np.ndarray, " F"]

    def frame_at(self, time_s: float) -> int:
        return int(self.numbers[int(np.searchsorted(self.times_s, time_s))])


def associate(path: Path, out: Path | None = None) -> Revision:
    """Link the objects of the run at `path` over the whole clip into a new run at `out`.

    out: the first free of PATH-r2, PATH-r3, ... if None.  Raises BadRun for a run that is not
    finished, and OutputError if `out` holds something already.
    """
    run = open_run(path)
    if not run.header.finished:
        raise BadRun(
            f"the run at {path} is {run.header.status}: its end is not known yet",
            hint="finish it with `vseg track --resume`",
        )
    clip = _Clip(np.array(list(run.frame_numbers())), np.array(list(run.frame_times())))
    linked = link(_tracklets(run), clip.times_s)
    names = {
        int(source): track.track_id
        for track in linked.tracks
        for source in np.unique(track.sources[track.sources > 0])
    }
    changes = tuple(_event(change, clip) for change in linked.changes)
    out = out or _free_name(path)
    _write(run, out, names, changes)
    atomic_write_text(out / TRACKS, _mot(linked, clip))
    after = {names.get(each.id, each.id) for each in run.objects}
    return Revision(out, len(run.objects), len(after), changes)


def _tracklets(run: Run) -> list[Tracklet]:
    """The frames on which each object is seen; an object that never is has none."""
    tracklets = []
    for each in run.objects:
        rows = [row for row in run.track(each.id) if row.visible and row.area]
        if rows:
            corners = np.array([row.xywh for row in rows], dtype=np.float64)
            corners[:, 2:] += corners[:, :2]
            times_s = np.array([row.time_s for row in rows])
            scores = np.clip([row.score for row in rows], 0.0, 1.0)
            tracklets.append(Tracklet(each.id, times_s, corners, scores))
    return tracklets


def _event(change: Change, clip: _Clip) -> RunEvent:
    if isinstance(change, Joined):
        return RunEvent(
            frame=clip.frame_at(change.at_s),
            kind="joined",
            object_id=change.track_id,
            track_id=change.joined_id,
        )
    assert isinstance(change, Filled), "linking joins and fills, nothing else"
    return RunEvent(
        frame=clip.frame_at(change.from_s),
        kind="filled",
        object_id=change.track_id,
        last_frame=clip.frame_at(change.to_s),
    )


def _free_name(path: Path) -> Path:
    """PATH-r2, or the next number that is not taken."""
    whole = path.resolve()
    number = 2
    while (free := whole.with_name(f"{whole.name}-r{number}")).exists():
        number += 1
    return free


def _write(run: Run, out: Path, names: Mapping[int, int], changes: tuple[RunEvent, ...]) -> None:
    labels = {names.get(key, key): name for key, name in reversed(run.header.labels.items())}
    options = run.header.options | {"revision_of": run.path.resolve().name}
    header = run.header.model_copy(update={"labels": labels, "options": options})
    prompts = [
        replace(each, object_id=names.get(each.object_id, each.object_id)) for each in run.prompts
    ]
    writer = RunWriter.create(out, header, prompts)
    for masks in run:
        writer.write_stored(_renamed(masks, names))
    writer.note(changes)
    writer.finish(run.header.damage)


def _renamed(masks: StoredMasks, names: Mapping[int, int]) -> StoredMasks:
    """The frame under new ids; of several rows that are one object now, the one that is seen."""
    chosen: dict[int, int] = {}
    for row, object_id in enumerate(masks.object_ids):
        name = names.get(object_id, object_id)
        if name not in chosen or masks.visible[row]:
            chosen[name] = row
    rows = [chosen[name] for name in sorted(chosen)]
    return replace(
        masks,
        object_ids=tuple(sorted(chosen)),
        crops=tuple(masks.crops[row] for row in rows),
        scores=tuple(masks.scores[row] for row in rows),
        visible=tuple(masks.visible[row] for row in rows),
        sources=tuple(masks.sources[row] for row in rows),
    )


def _mot(linked: Linked, clip: _Clip) -> str:
    """All boxes as MOTChallenge rows, by frame and id, each with the mean score of its track."""
    rows = []
    for track in linked.tracks:
        for time_s, box in zip(track.times_s, track.boxes, strict=True):
            frame, (x1, y1, x2, y2) = clip.frame_at(float(time_s)) + 1, box.tolist()
            sides = f"{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
            rows.append((frame, track.track_id, f"{sides},{track.score:.3f},-1,-1,-1"))
    return "".join(f"{frame},{track_id},{rest}\n" for frame, track_id, rest in sorted(rows))
