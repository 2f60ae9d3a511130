"""Sessions on disk: a record and an exact snapshot, replaced together.

Enters: a session's record and its state as bytes.  Leaves: both, after any restart.  The state
is written first, under a new name; the record that names it replaces the old one as a whole.
"""

import shutil
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vseg.client.values import (
    FrameAnswer,
    PromptsAnswer,
    PropagateRequest,
    Resumption,
    SessionFacts,
    SessionObject,
    SessionRequest,
)
from vseg.io.files import atomic_write_bytes, atomic_write_text
from vseg.results.layout import read_state

_RECORD = "session.json"
_ANSWERS = 16
"""Answers that are kept for a request that is sent again: of the newest requests only, since a
client repeats a request at once or not at all.
"""


class Answered(BaseModel):
    """A request that was answered, by its idempotency key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    body: str
    answer: PromptsAnswer


class BeforePass(BaseModel):
    """What a propagation began with: asked for again, it begins with the same.  state: the
    file of the snapshot.  objects: those that were named, None for all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: str | None
    reverse: bool
    objects: tuple[int, ...] | None


class SessionRecord(BaseModel):
    """What is kept of a session beside its state.

    owner: the key that made it.  path, version: of the clip, relative to the root.  prompted:
    the prompted frames of each object.  sent: the last masks that were, for a client that did
    not get them.  state: the file of the snapshot, None before the first prompt.  before: of
    the last propagation, if it began at the prompts and nothing was changed since.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    owner: str
    request: SessionRequest
    path: str
    version: str
    created: datetime
    prompted: dict[int, list[int]] = Field(default_factory=dict)
    unfinished: Resumption | None = None
    sent: tuple[FrameAnswer, ...] = ()
    saves: int = 0
    state: str | None = None
    before: BeforePass | None = None
    answered: tuple[Answered, ...] = ()

    def before_pass(self, request: PropagateRequest) -> BeforePass | None:
        """What a propagation begins with, None if not at the prompts: the state as it is, or
        that of the last one if this is the same and nothing was changed since.
        """
        if request.resume:
            return self.before
        if request.start is not None:
            return None
        objects = None if request.objects is None else tuple(request.objects)
        last = self.before
        if last is not None and (last.reverse, last.objects) == (request.reverse, objects):
            return last
        return BeforePass(state=self.state, reverse=request.reverse, objects=objects)

    def facts(self) -> SessionFacts:
        """What the owner is told."""
        return SessionFacts(
            id=self.id,
            video=self.request.video,
            created=self.created,
            objects=[
                SessionObject(id=obj, prompted_frames=frames)
                for obj, frames in self.prompted.items()
            ],
            unfinished=self.unfinished,
        )


class SessionFiles:
    """The sessions in a folder, each in one of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def records(self) -> dict[str, SessionRecord]:
        """What is there; a folder without a whole record is what a killed service began."""
        found = {}
        for path in sorted(self._folder.glob(f"*/{_RECORD}")):
            try:
                record = SessionRecord.model_validate_json(path.read_bytes())
            except (OSError, ValidationError):
                continue
            found[record.id] = record
        return found

    def save(
        self, record: SessionRecord, state: bytes | None, answered: Answered | None = None
    ) -> SessionRecord:
        """The record as stored, with the state in place of the one before.  Raises
        OutputError.
        """
        folder = self._folder / record.id
        changes: dict[str, object] = {"saves": record.saves + 1}
        if state is not None:
            changes["state"] = f"state-{record.saves + 1:06d}.safetensors"
            atomic_write_bytes(folder / str(changes["state"]), state)
        if answered is not None:
            changes["answered"] = (*record.answered, answered)[-_ANSWERS:]
        stored = record.model_copy(update=changes)
        atomic_write_text(folder / _RECORD, stored.model_dump_json())
        needed = {stored.state, None if stored.before is None else stored.before.state}
        for path in folder.glob("state-*.safetensors"):
            if path.name not in needed:
                path.unlink(missing_ok=True)
        return stored

    def state(self, record: SessionRecord, name: str | None) -> bytes | None:
        """A snapshot of a session, by the name of its file; None before the first prompt.
        Raises BadRun.
        """
        return None if name is None else read_state(self._folder / record.id / name)

    def remove(self, session_id: str) -> None:
        """Delete what is kept of a session."""
        # The record first: without it, what is left is no session any more.
        (self._folder / session_id / _RECORD).unlink(missing_ok=True)
        shutil.rmtree(self._folder / session_id, ignore_errors=True)
