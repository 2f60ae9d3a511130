"""RUN/annotation/journal.jsonl: every command of an annotator, in order, one JSON line each.

Enters: entries.  Leaves: the same, after any kill: a line counts once it is whole and on the
disk, and a torn last line is dropped.  Nothing else is ever rewritten: what was undone is
undone by an entry of its own.  Masks are run lengths within the entry; images of exemplars are
files beside the journal, named by their content.
"""

import errno
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from vseg.errors import BadRun, OutputError
from vseg.prompts.codec import Image, pack_prompt, unpack_prompt
from vseg.results.exemplars import read_exemplar_image, write_exemplar_image
from vseg.results.layout import ANNOTATION
from vseg.types import Prompt

JOURNAL = "journal.jsonl"


class JournalEntry(BaseModel):
    """Base of all entries.  at: seconds since 1970."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: float = Field(default_factory=lambda: round(time.time(), 3))


class Opened(JournalEntry):
    """The first entry.  revision: of the run, before anything was annotated."""

    kind: Literal["opened"] = "opened"
    revision: int


class Prompted(JournalEntry):
    """A prompt, pending from now on.  replaces: the numbers of those that it takes the place
    of.
    """

    kind: Literal["prompted"] = "prompted"
    number: int
    prompt: dict[str, Any]
    replaces: tuple[int, ...] = ()


class Removed(JournalEntry):
    """Pending prompts that were taken away, by their numbers."""

    kind: Literal["removed"] = "removed"
    numbers: tuple[int, ...]


class Styled(JournalEntry):
    """What an object of pending prompts alone is called and drawn in once it is stored.
    label, colour: None for what stays as it is.
    """

    kind: Literal["styled"] = "styled"
    object: int
    label: str | None = None
    colour: str | None = None


class Begun(JournalEntry):
    """The run is about to get this revision.  consumes: pending prompts that become part of
    it.  title, object, frame: what it does, and where.
    """

    kind: Literal["begun"] = "begun"
    revision: int
    title: str
    object: int | None = None
    frame: int | None = None
    consumes: tuple[int, ...] = ()


class Ended(JournalEntry):
    """What became of the revision begun last.  revision: None where nothing was made.  left:
    prompts that stay pending.  unending: objects whose propagation was ended early or bounded;
    ended: those that came to their end.
    """

    kind: Literal["ended"] = "ended"
    revision: int | None
    left: tuple[int, ...] = ()
    unending: tuple[int, ...] = ()
    ended: tuple[int, ...] = ()
    frames: int = 0


class Skipped(JournalEntry):
    """A risky span was left for later."""

    kind: Literal["skipped"] = "skipped"
    object: int
    first: int
    end: int


class Undone(JournalEntry):
    """The last step that counts does not count any more.  before: the revision of the run
    then, from which it is to go back.
    """

    kind: Literal["undone"] = "undone"
    before: int


class Redone(JournalEntry):
    """The step undone last counts again."""

    kind: Literal["redone"] = "redone"
    before: int


class Outside(JournalEntry):
    """Another program gave the run this revision."""

    kind: Literal["outside"] = "outside"
    revision: int


AnyEntry = (
    Opened | Prompted | Removed | Styled | Begun | Ended | Skipped | Undone | Redone | Outside
)
_ENTRY: TypeAdapter[AnyEntry] = TypeAdapter(Annotated[AnyEntry, Field(discriminator="kind")])


class Journal:
    """The journal of one run; one process appends to it at a time."""

    def __init__(self, run: Path) -> None:
        self.root = run / ANNOTATION
        self.path = self.root / JOURNAL

    def read(self) -> list[AnyEntry]:
        """All entries; none of a run that was never annotated.  A torn last line counts for
        nothing: another process may be writing it.  Raises BadRun for any other line that
        cannot be read.
        """
        lines = self._content().split(b"\n")[:-1]
        return [self._entry(number, line) for number, line in enumerate(lines, start=1)]

    def cut_torn_line(self) -> None:
        """Drop what a process that was killed has left of its last line.  Only for who writes
        the journal.  Raises BadRun, OutputError.
        """
        content = self._content()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with self._written():
                os.truncate(self.path, whole)

    def append(self, entry: AnyEntry) -> None:
        """Add an entry; when this returns it is on the disk.  Raises OutputError."""
        line = entry.model_dump_json().encode() + b"\n"
        with self._written():
            self.root.mkdir(exist_ok=True)
            with self.path.open("ab", buffering=0) as handle:
                end = handle.tell()
                if handle.write(line) != len(line):
                    handle.truncate(end)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(handle.fileno())

    def pack(self, prompt: Prompt) -> dict[str, Any]:
        """The record of a prompt, once the image that it names is on the disk."""
        images: dict[str, Image] = {}
        record = pack_prompt(prompt, images)
        for name, image in images.items():
            write_exemplar_image(self.root, name, image)
        return record

    def unpack(self, record: dict[str, Any]) -> Prompt:
        """The prompt of a record.  Raises BadRun, BadPrompt."""
        return unpack_prompt(record, partial(read_exemplar_image, self.root))

    def _content(self) -> bytes:
        """Raises BadRun."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise BadRun(f"cannot read {self.path}: {error.strerror}") from error

    @contextmanager
    def _written(self) -> Iterator[None]:
        """A block that writes the journal.  Raises OutputError for what the system refuses."""
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"cannot write {self.path}: {error.strerror}",
                hint="check the folder's permissions and free space (df -h)",
            ) from error

    def _entry(self, number: int, line: bytes) -> AnyEntry:
        try:
            return _ENTRY.validate_python(json.loads(line))
        except (ValidationError, ValueError, RecursionError) as error:
            raise BadRun(
                f"{self.path}, line {number} cannot be read",
                hint="delete the lines from there on: the run itself is whole",
            ) from error
