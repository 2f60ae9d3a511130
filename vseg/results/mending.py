"""Puts a run that lost parts back into a state from which it can go on.

Enters: a run, its LostParts, and the frames of the lost shards, computed again.  Leaves: a run
without losses.  What is whole is left as it is; a finished run is unfinished until `mend`.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from vseg.errors import BadRun
from vseg.frame_masks import FrameMasks
from vseg.io.files import atomic_write_bytes
from vseg.results.clearing import remove
from vseg.results.events import committed_events, read_events
from vseg.results.frame_index import FrameIndex
from vseg.results.layout import (
    FRAME_SHARDS,
    MASK_SHARDS,
    read_objects,
    shard_path,
    shards_in,
    write_header,
    write_objects,
)
from vseg.results.lost_parts import LostParts, shard_range
from vseg.results.object_list import ObjectList
from vseg.results.records import Damage, Progress, RunHeader, StoredObject
from vseg.results.shards import read_frames_shard, write_frames
from vseg.results.writer import RunWriter
from vseg.types import TrackEvent


class LostShardWriter(RunWriter):
    """Takes the frames of a run again and writes those of lost shards alone.

    stopped: whether it was interrupted; what it has not written is lost still.
    """

    def __init__(self, path: Path, header: RunHeader, losses: LostParts) -> None:
        opened = _reopened(path, header, losses) if header.finished else header
        if opened.progress is None:
            raise BadRun(f"nothing of {path} was committed", hint="leave --resume out")
        for shard in losses.shards:
            for folder in (FRAME_SHARDS, MASK_SHARDS):
                remove(shard_path(path, folder, shard))
        super().__init__(path, opened, ())
        self.stopped = False
        self._losses = losses
        self._committed: Progress = opened.progress

    @property
    def progress(self) -> Progress:
        """How far the run had come."""
        return self._committed

    @property
    def lost_frames(self) -> list[tuple[int, int]]:
        """First and last frame of every lost shard, ascending."""
        low, high = self._committed.extent
        ranges = [shard_range(self.header, shard) for shard in sorted(self._losses.shards)]
        return [(max(low, first), min(high, stop - 1)) for first, stop in ranges]

    def write(self, masks: FrameMasks, *, reverse: bool = False) -> bool:
        """Take a frame; never a moment to commit."""
        if self._lost(masks.frame_index):
            super().write(masks, reverse=reverse)
        return False

    def write_damaged(self, frame_index: int, time_s: float, reason: str) -> None:
        """Take a frame that could not be read."""
        if self._lost(frame_index):
            super().write_damaged(frame_index, time_s, reason)

    def note(self, events: Sequence[TrackEvent]) -> None:
        """Nothing: the events are in the run."""

    def interrupt(self, state: bytes | None = None) -> None:
        """Leave the rest lost, for another time."""
        self.header = self.header.model_copy(update={"status": "interrupted"})
        write_header(self.path, self.header)
        self.stopped = True

    def withdraw(self) -> None:
        """Nothing: the run has frames."""

    def finish(self, damage: Damage | None = None) -> None:
        """Nothing: whether the source broke is in the run."""

    def mend(self, state: bytes | None) -> None:
        """Put the run into order.  state: of the session after the last commit."""
        self.flush()
        progress = self._committed
        if self._losses.state and state is not None and progress.state is not None:
            atomic_write_bytes(self.path / progress.state, state)
            digest = sha256(state).hexdigest()
            progress = progress.model_copy(update={"state_sha256": digest})
        objects = self._stored_objects()
        write_objects(self.path, objects)
        header = self.header.model_copy(update={"progress": progress})
        write_header(self.path, header)
        if progress.tracked:
            broken = header.damage is not None and header.damage.end_frame is not None
            RunWriter(self.path, header, objects).finish(header.damage if broken else None)

    def _lost(self, index: int) -> bool:
        low, high = self._committed.extent
        return low <= index <= high and self.header.shard_of(index) in self._losses.shards

    def _stored_objects(self) -> list[StoredObject]:
        """The list of objects; made from the masks if it is lost."""
        if not self._losses.objects:
            return list(read_objects(self.path))
        found = ObjectList((), self.header.labels)
        found.name_detected(committed_events(self.path, self._committed.events))
        low, high = self._committed.extent
        for shard in shards_in(self.path, FRAME_SHARDS):
            for record in read_frames_shard(self.path, shard).records():
                if low <= record.index <= high:
                    found.add(record)
        return found.by_id()


def _reopened(root: Path, header: RunHeader, losses: LostParts) -> RunHeader:
    """A finished run as an unfinished one without the lost shards: its header."""
    index = FrameIndex(root, header)
    numbers: list[int] = []
    for shard in index.shards:
        frames = index.every_row(shard)
        numbers += frames["index"].to_pylist()
        if shard not in losses.shards:
            write_frames(root, shard, frames)
    progress = Progress(
        last_frame=max(numbers),
        commits=1,
        events=len(read_events(root)),
        state=None,
        state_sha256=None,
        extent=(min(numbers), max(numbers)),
        frames=len(numbers),
        tracked=True,
    )
    # Last: until then the run is finished, and what was written does not count.
    opened = header.model_copy(update={"status": "running", "progress": progress})
    write_header(root, opened)
    return opened
