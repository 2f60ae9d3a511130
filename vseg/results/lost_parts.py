"""What a run lost of what it had committed: files that were deleted, cut, swapped or changed.

Enters: a run directory.  Leaves: LostParts; a run without any can be read to its end and gone
on with.  Every committed file is read, one shard at a time.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from vseg.errors import BadRun
from vseg.results.compare_revisions import is_shared
from vseg.results.events import committed_events
from vseg.results.frame_index import FrameIndex
from vseg.results.layout import FRAME_SHARDS, OBJECTS, content_root, read_objects, shard_path
from vseg.results.mask_rows import FrameRecord
from vseg.results.records import Progress, RunHeader
from vseg.results.shards import Shard, read_frames_shard, read_shard
from vseg.results.spans import read_spans


@dataclass(frozen=True, slots=True)
class LostParts:
    """Why what cannot be used: shards by number, the saved state, the list of objects;
    whole: what leaves nothing to build on.
    """

    shards: Mapping[int, str] = field(default_factory=dict)
    state: str | None = None
    objects: str | None = None
    whole: str | None = None

    def __bool__(self) -> bool:
        return bool(self.shards or self.state or self.objects or self.whole)

    @property
    def reasons(self) -> tuple[str, ...]:
        """A sentence for everything that is lost."""
        others = (self.whole, self.state, self.objects)
        return (*self.shards.values(), *(reason for reason in others if reason))


def lost_parts_of(root: Path, header: RunHeader) -> LostParts:
    """What the run at `root` lost; nothing before its first commit."""
    progress = header.progress
    if progress is None and not header.finished:
        return LostParts()
    try:
        committed_events(root, progress.events if progress else None)
        ids: set[int] = set()
        lost = (
            _unfinished(root, header, progress, ids)
            if progress
            else _finished(root, header, ids)
        )
        shards = dict(lost)
    except BadRun as error:
        return LostParts(whole=error.message)
    state = _lost_state(root, progress) if progress else None
    return LostParts(shards, state, _objects(root, ids))


def check_revision(root: Path, header: RunHeader) -> None:
    """Raise BadRun if the current revision, where it is a corrected one, lost a part; what it
    shares with the run as tracked is taken to be checked.
    """
    if header.revision == 0:
        return
    content = content_root(root, header)
    try:
        index = FrameIndex(content, header)
        ids: set[int] = set()
        for number in index.shards:
            frames = index.every_row(number)
            if not is_shared(root, content, number):
                ids |= ids_of(_checked(header, number, read_shard(content, number, frames)))
        lost = _objects(content, ids)
        read_spans(content)
    except BadRun as error:
        lost = error.message
    if lost:
        parent = next(r.parent for r in header.revisions if r.number == header.revision)
        raise BadRun(
            f"revision {header.revision} of {root} lost a part: {lost}",
            hint=f"`vseg revisions {root} --to {parent}` goes back to what it was made from",
        )


def _unfinished(
    root: Path, header: RunHeader, progress: Progress, ids: set[int]
) -> Iterator[tuple[int, str]]:
    """Shards that are lost and why.  ids: takes the objects of the others."""
    low, high = progress.extent
    held: dict[int, int] = {}
    for number in range(header.shard_of(low), header.shard_of(high) + 1):
        try:
            records = _checked(header, number, read_frames_shard(root, number))
        except BadRun as error:
            held[number] = 0
            if shard_path(root, FRAME_SHARDS, number).exists():
                yield number, error.message
            continue
        committed = [record for record in records if low <= record.index <= high]
        held[number] = len(committed)
        ids |= ids_of(committed)
    if sum(held.values()) == progress.frames:
        return
    # A folder of images whose names leave gaps has shards of fewer frames, and of none.
    for number, frames in held.items():
        first, stop = shard_range(header, number)
        wanted = min(stop, high + 1) - max(first, low)
        if frames < wanted:
            path = shard_path(root, FRAME_SHARDS, number)
            yield number, f"{path} holds {frames} of {wanted} frames"


def _finished(root: Path, header: RunHeader, ids: set[int]) -> Iterator[tuple[int, str]]:
    """Shards whose masks are lost and why.  ids: as in `_unfinished`.

    Raises BadRun for frames.parquet itself.
    """
    index = FrameIndex(root, header)
    for number in index.shards:
        frames = index.every_row(number)
        try:
            records = _checked(header, number, read_shard(root, number, frames))
        except BadRun as error:
            yield number, error.message
            continue
        ids |= ids_of(records)


def ids_of(records: Iterable[FrameRecord]) -> set[int]:
    """The objects that have rows."""
    return {row.object_id for record in records for row in record.rows}


def _checked(header: RunHeader, number: int, shard: Shard) -> list[FrameRecord]:
    """The frames of a shard.  Raises BadRun if one is not as it was committed, or is another
    shard's.
    """
    records = list(shard.records())
    first, stop = shard_range(header, number)
    if any(not first <= record.index < stop for record in records):
        raise BadRun(f"{shard.path} holds frames of another shard")
    return records


def shard_range(header: RunHeader, number: int) -> tuple[int, int]:
    """The frames [first, stop) that belong to a shard."""
    return number * header.shard_frames, (number + 1) * header.shard_frames


def _lost_state(root: Path, progress: Progress) -> str | None:
    """Why the saved state cannot be used, None if it can."""
    if progress.state is None:
        return None
    path = root / progress.state
    try:
        whole = sha256(path.read_bytes()).hexdigest() == progress.state_sha256
    except OSError as error:
        return f"cannot read {path}: {error.strerror}"
    return None if whole else f"{path} is not what was stored"


def _objects(root: Path, ids: set[int]) -> str | None:
    """Why the list of objects cannot be used, None if it can.  ids: that have masks."""
    try:
        missing = sorted(ids - {stored.id for stored in read_objects(root)})
    except BadRun as error:
        return error.message
    return f"{root / OBJECTS} lacks object {missing[0]}, which has masks" if missing else None
