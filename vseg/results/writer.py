"""Writes a run directory while it is computed: shard by shard, resumable after any kill.

Enters: FrameMasks in any order, and now and then the state of the session as opaque bytes.
Leaves: the files of `layout`.  A commit goes shards, state, objects, run.json: only the last
makes the others count, so what run.json names is always whole.  A shard covers a fixed range
of frame indices and is rewritten if the run comes back to it; so a resumed run leaves the same
bytes as an unbroken one.  Memory holds the packed masks of one shard (`open_shard`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from vseg.errors import BadRun, OutputError
from vseg.frame_masks import FrameMasks
from vseg.io.files import atomic_write_bytes
from vseg.results.clearing import (
    clear_contents,
    clear_progress,
    clear_run,
    clear_states,
    clear_unfinished_writes,
)
from vseg.results.events import append_events, forget_events
from vseg.results.layout import (
    FRAME_SHARDS,
    RunState,
    read_objects,
    read_state,
    run_state,
    shards_in,
    state_path,
    write_header,
    write_objects,
)
from vseg.results.mask_rows import FrameRecord
from vseg.results.masks import pack, unpack
from vseg.results.object_list import ObjectList
from vseg.results.open_shard import OpenShard
from vseg.results.prompts import append_prompt, write_prompts
from vseg.results.records import Damage, Progress, RunHeader, Status, StoredObject
from vseg.results.run_warnings import ending_warnings
from vseg.results.shards import damaged_frames, join_frames
from vseg.results.verify import verify_run
from vseg.results.write_lock import check_writer
from vseg.types import Prompt, TrackEvent


class RunWriter:
    """Takes frames and makes them a run; get one from `create` or `resume`.

    `write` each frame; when it answers True a shard is full: `commit` with the state of the
    session.  End with `finish`, or with `interrupt` to go on later.  A writer that is dropped
    without either leaves the run as of its last commit.  Raises OutputError when the system
    refuses a write; all that was committed before stays readable and resumable.
    """

    def __init__(self, path: Path, header: RunHeader, objects: Sequence[StoredObject]) -> None:
        self.path = path
        self.header = header
        self._objects = ObjectList(objects, header.labels)
        self._frames = OpenShard(path, header)
        self._events: list[TrackEvent] = []
        progress = header.progress
        self._last_frame = progress.last_frame if progress else None
        self._reverse = progress.reverse if progress else False
        self._num_events = progress.events if progress else 0

    @staticmethod
    def create(
        path: Path,
        header: RunHeader,
        prompts: Sequence[Prompt] = (),
        *,
        overwrite: bool = False,
    ) -> "RunWriter":
        """Begin a run in a new or empty folder, with `overwrite` in place of an older run.

        Raises OutputError if a run is there already, BadRun if something else is.
        """
        RunWriter.check_free(path, overwrite=overwrite)
        return _begin(path, header, prompts)

    @staticmethod
    def check_free(path: Path, *, overwrite: bool) -> None:
        """Raise OutputError if a run is there that is not to be replaced, BadRun if something
        else is.
        """
        if run_state(path) is not RunState.ABSENT and not overwrite:
            raise RunWriter.occupied(path, "")

    @staticmethod
    def occupied(path: Path, other: str) -> OutputError:
        """The error for a run that is in the way.  other: what else can be done with it."""
        return OutputError(
            f"{path} already holds a run ({run_state(path)})",
            hint=f"{other}--overwrite replaces it, -o names another folder",
        )

    @staticmethod
    def resume(path: Path, header: RunHeader, prompts: Sequence[Prompt] = ()) -> "ResumedRun":
        """Go on with an unfinished run after its last commit; without one, from its start.

        Raises BadRun as `verify_run` does, and if the run is finished.
        """
        stored = verify_run(path, header, prompts)
        if stored.finished:
            raise BadRun(f"{path} is {stored.status}: nothing is left to resume")
        if stored.progress is None:
            # Nothing in the folder counts yet; it may hold leftovers of the run it replaced.
            return ResumedRun(_begin(path, header, prompts), header.first_frame, None)
        clear_unfinished_writes(path)
        forget_events(path, keep=stored.progress.events)
        writer = RunWriter(path, stored, read_objects(path))
        state = stored.progress.state
        return ResumedRun(
            writer,
            stored.progress.last_frame + (-1 if stored.progress.reverse else 1),
            read_state(path / state) if state else None,
        )

    def write(self, masks: FrameMasks, *, reverse: bool = False) -> bool:
        """Take one frame; the same frame again replaces the earlier one.

        reverse: the frames come in descending order.  Returns whether this frame completes its
        shard in that order: the moment to `commit`, because then no shard is written twice.
        """
        self._refuse_if_finished()
        video = self.header.video
        if (masks.height, masks.width) != (video.height, video.width):
            raise OutputError(
                f"frame {masks.frame_index} is {masks.width}x{masks.height}, the run at "
                f"{self.path} is {video.width}x{video.height}",
                hint="write one run per frame size",
            )
        index = masks.frame_index
        record = pack(masks)
        self._frames.put(record)
        self._objects.add(record)
        self._last_frame = index
        self._reverse = reverse
        return (index if reverse else index + 1) % self.header.shard_frames == 0

    def stored(self, frame_index: int) -> FrameMasks | None:
        """The masks of a frame that was written before; None of any other."""
        record = self._frames.record(frame_index)
        video = self.header.video
        return None if record is None else unpack(record, video.height, video.width)

    def write_damaged(self, frame_index: int, time_s: float, reason: str) -> None:
        """Mark a frame as one that could not be read."""
        self._refuse_if_finished()
        self._frames.put(FrameRecord(frame_index, None, time_s, False, rows=(), damage=reason))

    def note(self, events: Sequence[TrackEvent]) -> None:
        """Add what happened on the frames written since the last commit; an object that was
        born gets its label.
        """
        self._events += events
        self._objects.name_detected(events)

    def append_prompt(self, prompt: Prompt) -> None:
        """Add a prompt to an unfinished run."""
        self._refuse_if_finished()
        append_prompt(self.path, prompt)

    def commit(self, state: bytes | None = None) -> None:
        """Put everything written so far on the disk.  state: of the session."""
        self._commit(state, "running")

    def interrupt(self, state: bytes | None = None) -> None:
        """Commit, and mark the run as stopped on request; `resume` goes on with it."""
        self._commit(state, "interrupted")

    def withdraw(self) -> None:
        """Delete the run if nothing was committed: it cannot go on from its inputs."""
        if self.header.progress is None and not self.header.finished:
            clear_run(self.path)

    def finish(self, damage: Damage | None = None) -> None:
        """Commit and close: complete, or partial if frames are marked as damaged or `damage`
        says where the source broke.
        """
        self._refuse_if_finished()
        self.flush()
        write_objects(self.path, self._objects.by_id())
        join_frames(self.path, shards_in(self.path, FRAME_SHARDS))
        damage = self._with_skipped(damage)
        status: Status = "partial" if damage else "complete"
        ended = self.header.model_copy(update={"status": status})
        warnings = ending_warnings(self.path, ended, self._objects.by_id())
        self.header = self.header.model_copy(update={"warnings": warnings})
        self._replace_header(status, None, damage)
        # What follows is no longer part of the run: a kill here leaves it finished.
        clear_progress(self.path)

    def _with_skipped(self, end: Damage | None) -> Damage | None:
        """The damage of the whole run.  end: where the source broke, if it did."""
        marked = damaged_frames(self.path, shards_in(self.path, FRAME_SHARDS))
        if not marked:
            return end
        first = min(marked)
        return Damage(
            frame=first,
            reason=marked[first],
            skipped=len(marked),
            end_frame=end.end_frame if end else None,
        )

    def _commit(self, state: bytes | None, status: Status) -> None:
        self._refuse_if_finished()
        self.flush()
        progress = self.header.progress
        if self._last_frame is not None:
            commits = progress.commits + 1 if progress else 1
            file = state_path(self.path, commits)
            if state is not None:
                atomic_write_bytes(file, state)
            progress = Progress(
                last_frame=self._last_frame,
                reverse=self._reverse,
                commits=commits,
                events=self._num_events,
                state=file.name if state is not None else None,
                state_sha256=None if state is None else sha256(state).hexdigest(),
                extent=self._frames.extent or (self._last_frame, self._last_frame),
                frames=self._frames.frames,
            )
        write_objects(self.path, self._objects.by_id())
        self._replace_header(status, progress, None)
        clear_states(self.path, keep=progress.state if progress else None)

    def flush(self) -> None:
        """Write the shard in memory and the events; nothing of it counts before a commit."""
        self._frames.flush()
        append_events(self.path, self._events)
        self._num_events += len(self._events)
        self._events = []

    def _replace_header(
        self, status: Status, progress: Progress | None, damage: Damage | None
    ) -> None:
        change = {"status": status, "progress": progress, "damage": damage}
        header = self.header.model_copy(update=change)
        check_writer(self.path)
        write_header(self.path, header)
        self.header = header

    def _refuse_if_finished(self) -> None:
        if self.header.finished:
            raise OutputError(f"the run at {self.path} is finished and takes no more")


@dataclass(frozen=True)
class ResumedRun:
    """An unfinished run to go on with, at `next_frame` (backward if its progress says so).

    state: of the session before that frame; None if none was committed: then go through
    the frames from the start again.
    """

    writer: RunWriter
    next_frame: int
    state: bytes | None


@contextmanager
def whole_run(
    path: Path, header: RunHeader, prompts: Sequence[Prompt] = (), *, overwrite: bool = False
) -> Iterator[RunWriter]:
    """A run that is written at one go: where the block raises nothing of it stays, for no
    command could go on with it.  Raises as `RunWriter.create`.
    """
    RunWriter.check_free(path, overwrite=overwrite)
    try:
        yield _begin(path, header, prompts)
    except BaseException:
        with suppress(OutputError):
            clear_run(path)
        raise


def _begin(path: Path, header: RunHeader, prompts: Sequence[Prompt]) -> RunWriter:
    """An empty run.  The header goes first: from then on nothing else in the folder counts.
    Where the system refuses what follows, nothing of it stays: no command could go on with it.
    """
    begun = {"status": "running", "progress": None, "damage": None}
    fresh = header.model_copy(update=begun | {"revisions": (), "revision": 0, "warnings": ()})
    write_header(path, fresh)
    try:
        clear_contents(path)
        write_prompts(path, prompts)
        write_objects(path, [])
    except OutputError:
        with suppress(OutputError):
            clear_run(path)
        raise
    return RunWriter(path, fresh, ())
