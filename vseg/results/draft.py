"""A new revision of a finished run while it is made: a folder beside the others that does not
count yet.

Enters: a finished run, and changes of its rows, objects, prompts, events and spans.  Leaves:
`revisions/000001/` with the same files as the run; what no change touched is a hard link to
the parent's file.  A commit replaces run.json last: killed at any moment, the run is as it was
or holds the whole new revision.  Memory holds one shard.  The caller has the run's write lock.
"""

import os
import shutil
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from vseg import __version__
from vseg.errors import BadRun, OutputError
from vseg.ops.ranges import Ranges, joined
from vseg.results.agreement import update_agreement
from vseg.results.events import read_events, write_events
from vseg.results.frame_index import FrameIndex
from vseg.results.layout import (
    AGREEMENT,
    EVENTS,
    EXEMPLARS,
    FRAMES,
    MASK_SHARDS,
    OBJECTS,
    PROMPTS,
    REVISIONS,
    SPANS,
    content_root,
    read_header,
    read_objects,
    revision_folder,
    write_header,
    write_objects,
)
from vseg.results.lives import object_lives, visibility_events
from vseg.results.mask_rows import FrameRecord, MaskRow
from vseg.results.prompts import read_prompts, write_prompts
from vseg.results.records import Revision, RunHeader, StoredObject
from vseg.results.shards import (
    ChangedFrame,
    Shard,
    changed_frames,
    read_shard,
    rewrite_frames,
    write_masks,
)
from vseg.results.spans import ObjectSpans, predicted_spans, read_spans, write_spans
from vseg.types import Prompt, TrackEvent

_FILES = (FRAMES, OBJECTS, PROMPTS, EVENTS, SPANS, AGREEMENT)
_FOLDERS = (MASK_SHARDS, EXEMPLARS)
Rows = tuple[MaskRow, ...]


@dataclass(slots=True)
class DraftContent:
    """What a revision says beside its masks; an edit replaces what it changes."""

    objects: dict[int, StoredObject]
    prompts: list[Prompt]
    events: list[TrackEvent]
    spans: dict[int, ObjectSpans]


class RevisionDraft:
    """The next revision of the run at `path`; `commit` it, or `discard` it.

    content: what it says beside its masks.  changed: frames whose rows differ from the
    parent's, by object.
    """

    def __init__(self, path: Path) -> None:
        """Raises BadRun for a run that is missing or not finished, and OutputError."""
        self.path = path
        self.header = finished_header(path)
        clear_unlisted(path, self.header)
        numbers = [known.number for known in self.header.revisions]
        self.number = max(numbers, default=0) + 1
        self.folder = revision_folder(path, self.number)
        parent = content_root(path, self.header)
        self.index = FrameIndex(parent, self.header)
        self.changed: dict[int, Ranges] = {}
        self.content = _content(parent, self.index)
        self._before = replace(
            self.content,
            objects=dict(self.content.objects),
            prompts=list(self.content.prompts),
            events=list(self.content.events),
        )
        self.scratch = path / REVISIONS / "scratch"
        self._agreement: dict[tuple[int, int], float] = {}
        # What the frames are whose rows changed, without the rows.
        self._frames: dict[int, ChangedFrame] = {}
        _link_all(parent, self.folder)

    def records(self, first: int, end: int) -> Iterable[FrameRecord]:
        """The stored frames of [first, end) as they are now, ascending."""
        for shard in self.shards_of(first, end):
            stored = self.shard(shard)
            numbers = stored.frame_numbers
            for number in numbers[(numbers >= first) & (numbers < end)].tolist():
                yield stored.record(number)

    def shard(self, number: int) -> Shard:
        """A shard as it is now."""
        frames = changed_frames(self.index.table(number), self._frames)
        return read_shard(self.folder, number, frames)

    def rewrite(
        self, first: int, end: int, change: Callable[[FrameRecord], Iterable[MaskRow]]
    ) -> None:
        """Replace the rows of frames [first, end) by what `change` makes of each frame.

        A shard of which no row changes keeps its file.
        """
        for shard in self.shards_of(first, end):
            records = []
            touched = False
            for record in self.shard(shard).records():
                if first <= record.index < end:
                    rows = tuple(sorted(change(record), key=lambda row: row.object_id))
                    changed = self._changed(record, rows)
                    touched |= changed is not record
                    record = changed
                records.append(record)
            if touched:
                write_masks(self.folder, shard, records)

    def note_agreement(self, object_id: int, ious: Iterable[tuple[int, float]]) -> None:
        """Keep the IoU of a forward and a backward track of an object, by frame."""
        self._agreement |= {(object_id, frame): iou for frame, iou in ious}

    def commit(
        self, commands: Sequence[str], *, frames: int = 0, seconds: float = 0.0
    ) -> Revision:
        """Write what is left, and make this the current revision of the run."""
        self._update_objects()
        content = self.content
        before = self._before
        if content.objects != before.objects:
            write_objects(self.folder, [content.objects[i] for i in sorted(content.objects)])
        if list(map(id, content.prompts)) != list(map(id, before.prompts)):
            write_prompts(self.folder, content.prompts)
        if content.events != before.events:
            write_events(self.folder, content.events)
        if self._frames:
            rewrite_frames(self.folder, self._frames)
        write_spans(self.folder, list(content.spans.values()))
        update_agreement(self.folder, self._agreement, self.changed)
        revision = Revision(
            number=self.number,
            parent=self.header.revision,
            vseg_version=__version__,
            commands=tuple(commands),
            spans=self.changed,
            frames=frames,
            seconds=round(seconds, 3),
        )
        chain = (*self.header.revisions, revision)
        change = {"revisions": chain, "revision": self.number}
        write_header(self.path, self.header.model_copy(update=change))
        return revision

    def discard(self) -> None:
        """Delete the draft; the run is as it was."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.scratch, ignore_errors=True)
        with suppress(OSError):  # other revisions are in it
            (self.path / REVISIONS).rmdir()

    def shards_of(self, first: int, end: int) -> list[int]:
        """The shards of the run that reach into [first, end)."""
        size = self.header.shard_frames
        return [n for n in self.index.shards if n * size < end and (n + 1) * size > first]

    def _changed(self, record: FrameRecord, rows: Rows) -> FrameRecord:
        """The frame with these rows, the same if they are its own; of which objects they
        differ is kept.
        """
        old = {row.object_id: row for row in record.rows}
        new = {row.object_id: row for row in rows}
        differ = [i for i in old.keys() | new.keys() if old.get(i) != new.get(i)]
        if not differ:
            return record
        for object_id in differ:
            ranges = self.changed.get(object_id, ())
            self.changed[object_id] = joined(ranges, record.index)
        prompted = any(row.source == "prompt" for row in rows)
        changed = replace(record, rows=rows, prompted=prompted)
        self._frames[record.index] = ChangedFrame(prompted, changed.checksum)
        return changed

    def _update_objects(self) -> None:
        """First and last visible frame of the objects that changed, and the events of their
        visibility.
        """
        touched = self.changed.keys() & self.content.objects.keys()
        lives = object_lives(self.folder, self.index.shards, touched)
        others = [e for e in self.content.events if not _of_visibility(e, touched)]
        seen = visibility_events(self.folder, self.index.shards, touched)
        self.content.events = sorted([*others, *seen], key=lambda event: event.frame)
        for object_id in touched:
            first, last = lives.get(object_id, (None, None))
            known = self.content.objects[object_id]
            life = {"first_frame": first, "last_frame": last}
            self.content.objects[object_id] = known.model_copy(update=life)


def clear_unlisted(path: Path, header: RunHeader) -> None:
    """Delete the folders of revisions that the header does not name: what a killed edit left
    behind, or revisions that were pruned.  Raises OutputError.
    """
    listed = {revision_folder(path, known.number) for known in header.revisions}
    folder = path / REVISIONS
    try:
        for leftover in sorted(folder.iterdir()) if folder.is_dir() else ():
            if leftover not in listed:
                shutil.rmtree(leftover)
        if folder.is_dir() and not listed:
            folder.rmdir()
    except OSError as error:
        raise OutputError(
            f"cannot delete {error.filename or folder}: {error.strerror}",
            hint="check the folder's permissions",
        ) from error


def _of_visibility(event: TrackEvent, ids: Collection[int]) -> bool:
    return event.kind in ("lost", "recovered") and event.object_id in ids


def finished_header(path: Path) -> RunHeader:
    """The header of a finished run.  Raises BadRun."""
    header = read_header(path)
    if not header.finished:
        raise BadRun(
            f"the run at {path} is {header.status}: only a finished run can be corrected",
            hint=f"finish it: vseg track {header.source.path} -o {path} --resume",
        )
    return header


def _content(parent: Path, index: FrameIndex) -> DraftContent:
    objects = read_objects(parent)
    prompts = read_prompts(parent)
    spans = read_spans(parent)
    if spans is None:
        spans = predicted_spans(objects, prompts, index.extent)
    return DraftContent(
        {stored.id: stored for stored in objects},
        prompts,
        read_events(parent),
        {each.object_id: each for each in spans},
    )


def _link_all(parent: Path, folder: Path) -> None:
    """Fill a new folder with hard links to the files of the parent.  Raises OutputError."""
    try:
        folder.mkdir(parents=True)
        for name in _FILES:
            if (parent / name).exists():
                _link(parent / name, folder / name)
        for name in _FOLDERS:
            for file in sorted((parent / name).glob("[!.]*")):
                (folder / name).mkdir(exist_ok=True)
                _link(file, folder / name / file.name)
    except OSError as error:
        raise OutputError(
            f"cannot write {folder}: {error.strerror or error}",
            hint="check the folder's permissions and free space (df -h)",
        ) from error


def _link(file: Path, link: Path) -> None:
    """A hard link, or a copy where the file system has none.

    Every file of a run is replaced whole when it is written, so a link never sees a change.
    """
    try:
        os.link(file, link)
    except OSError:
        shutil.copy2(file, link)
