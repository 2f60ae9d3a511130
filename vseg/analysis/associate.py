"""Offline association of a run: a finished run in, another run out.

Enters: a run directory.  Leaves: another one, in which all tracklets of an object have one id,
with the changes in its events.jsonl and the smoothed, gap-filled boxes in tracks.txt
(MOTChallenge).  The masks themselves are kept as they are: where an object was not visible,
none is invented.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from vseg.analysis.colour_histograms import tracklets_of_run
from vseg.build import open_clip, open_run
from vseg.errors import BadRun, OutputError
from vseg.exchange.mot import mot_row
from vseg.frame_masks import FrameMasks
from vseg.io.files import atomic_write_text, real_path
from vseg.results import Run
from vseg.results.layout import TRACKS
from vseg.results.write_lock import write_lock
from vseg.results.writer import whole_run
from vseg.types import TrackEvent
from vseg_trackers import (
    Change,
    Filled,
    Joined,
    LinkConfig,
    Linked,
    MotionConfig,
    Tracklet,
    link,
)


@dataclass(frozen=True, slots=True)
class Association:
    """What an association made of a run.  before, after: how many objects there were and
    are.
    """

    out: Path
    before: int
    after: int
    changes: tuple[TrackEvent, ...]


@dataclass(frozen=True, slots=True)
class _Clip:
    """The frames of a run: their numbers and times."""

    numbers: Int64[np.ndarray, " F"]
    times_s: Float64[np.ndarray, " F"]

    def frame_at(self, time_s: float) -> int:
        return int(self.numbers[int(np.searchsorted(self.times_s, time_s))])


# Masks swell and bend where a detector's boxes keep their size; and colours tell more than
# boxes do.
MASKLETS = LinkConfig(
    reach=3.0,
    appearance=20.0,
    even_cosine=0.7,
    least_cosine=0.4,
    motion=MotionConfig(measured_size=0.15, size_jolt=2.0),
)


def associate(
    path: Path,
    out: Path | None = None,
    *,
    clip: str | None = None,
    colours: bool = True,
    overwrite: bool = False,
    revision: int | None = None,
) -> Association:
    """Link the objects of the run at `path` over the whole clip into a new run at `out`.

    out: the first free of PATH-r2, PATH-r3, ... if None.  clip: where it is now, if it has
    moved.  colours: whether they are compared, for which the clip is read; else motion alone.
    revision: of the run, the current one if None.
    Raises BadRun for a run that is not finished, BadVideo, and OutputError if `out` holds
    something already and `overwrite` is not given, or is the run itself.
    """
    run = open_run(path, revision)
    if out is not None and real_path(out) == real_path(path):
        raise OutputError(
            f"the new run cannot replace {path} itself", hint="name another folder with -o"
        )
    if not run.header.finished:
        raise BadRun(
            f"the run at {path} is {run.header.status}: its end is not known yet",
            hint="finish it with `vseg track --resume`",
        )
    frames = _Clip(np.array(list(run.frame_numbers())), np.array(list(run.frame_times())))
    linked = link(_tracklets(run, clip, colours), frames.times_s, MASKLETS)
    names = {
        int(source): track.track_id
        for track in linked.tracks
        for source in np.unique(track.sources[track.sources > 0])
    }
    first = {stored.id: stored.first_frame for stored in run.objects}
    changes = tuple(_event(change, frames, first) for change in linked.changes)
    out = out or _free_name(path)
    _write(run, out, names, changes, overwrite)
    atomic_write_text(out / TRACKS, _mot(linked, frames))
    after = {names.get(stored.id, stored.id) for stored in run.objects}
    return Association(out, len(run.objects), len(after), changes)


def _tracklets(run: Run, clip: str | None, colours: bool) -> list[Tracklet]:
    if not colours:
        if clip is not None:
            open_clip(run, clip).close()
        return tracklets_of_run(run, None)
    with open_clip(run, clip) as video:
        return tracklets_of_run(run, video)


def _event(change: Change, clip: _Clip, first: Mapping[int, int | None]) -> TrackEvent:
    """A change by frame numbers; a merge is where the other object was first visible."""
    if isinstance(change, Joined):
        return TrackEvent(
            frame=first[change.joined_id] or 0,
            kind="merged",
            object_id=change.track_id,
            track_id=change.joined_id,
        )
    assert isinstance(change, Filled), "linking joins and fills, nothing else"
    return TrackEvent(
        frame=clip.frame_at(change.from_s),
        kind="filled",
        object_id=change.track_id,
        last_frame=clip.frame_at(change.to_s),
    )


def _free_name(path: Path) -> Path:
    """PATH-r2, or the next number that is not taken."""
    whole = real_path(path) if path.name in ("", "..") else path
    number = 2
    while (free := whole.with_name(f"{whole.name}-r{number}")).exists():
        number += 1
    return free


def _write(
    run: Run,
    out: Path,
    names: Mapping[int, int],
    changes: tuple[TrackEvent, ...],
    overwrite: bool,
) -> None:
    # Of several that are one object now, the one that was there first names it.
    late_first = sorted(run.objects, key=lambda o: o.first_frame or 0, reverse=True)
    labels = {names.get(o.id, o.id): o.label for o in late_first if o.label is not None}
    options = run.header.options | {"associated_from": real_path(run.path).name}
    header = run.header.model_copy(update={"labels": labels, "options": options})
    prompts = [
        prompt
        if prompt.object_id is None
        else replace(prompt, object_id=names.get(prompt.object_id, prompt.object_id))
        for prompt in run.prompts
    ]
    with (
        write_lock(out),
        whole_run(out, header, prompts, overwrite=overwrite) as writer,
    ):
        for masks in run:
            writer.write(_renamed(masks, names))
        writer.note(changes)
        writer.finish(run.header.damage)


def _renamed(masks: FrameMasks, names: Mapping[int, int]) -> FrameMasks:
    """The frame under new ids; of several rows that are one object now, the one that is
    seen.
    """
    chosen: dict[int, int] = {}
    for row, object_id in enumerate(masks):
        name = names.get(object_id, object_id)
        if name not in chosen or masks.visible[row]:
            chosen[name] = row
    rows = [chosen[name] for name in sorted(chosen)]
    return replace(
        masks,
        object_ids=tuple(sorted(chosen)),
        scores=masks.scores[rows],
        visible=masks.visible[rows],
        crops={name: masks.crop(masks.object_ids[row]) for name, row in chosen.items()},
        sources=tuple(masks.sources[row] for row in rows),
    )


def _mot(linked: Linked, clip: _Clip) -> str:
    """All boxes as MOTChallenge rows, by frame and id, each with the mean score of its
    track.
    """
    rows = []
    for track in linked.tracks:
        for time_s, box in zip(track.times_s, track.boxes.tolist(), strict=True):
            frame = clip.frame_at(float(time_s))
            row = mot_row(frame, track.track_id, tuple(box), track.score)
            rows.append((frame, track.track_id, row))
    return "".join(f"{row}\n" for _, _, row in sorted(rows))
