"""Corrections of a finished run: edits and prompts in, a new revision out.

Enters: a run, then edits in the order given.  Leaves: one revision, when the block ends
without an error; otherwise the run as it was.
"""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from vseg.errors import BadPrompt, UsageError
from vseg.results.draft import RevisionDraft
from vseg.results.draft_checks import check_frame, end_of, next_object_id
from vseg.results.edits import apply_edit
from vseg.results.records import Revision
from vseg.results.write_lock import write_lock
from vseg.types import Timecode
from vseg.types.edit_values import (
    AcceptSpan,
    AddObject,
    DeleteObject,
    Edit,
    MarkAbsent,
    MergeObjects,
    RenameObject,
    SplitObject,
)


class RunEdit:
    """Edits of one run; use it as a context manager.

    with vseg.open_run("runs/a").edit() as edit:
        edit.rename(1, "car")
        edit.absent(2, 40, 55)

    revision: what the edits became, once the block has ended; None before that, and where
    nothing was edited.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.revision: Revision | None = None
        self._draft: RevisionDraft | None = None
        self._stack = ExitStack()
        self._commands: list[str] = []

    def __enter__(self) -> "RunEdit":
        """Raises BadRun for a run that is not finished, OutputError if another process writes
        it.
        """
        with ExitStack() as stack:
            stack.enter_context(write_lock(self.path))
            self._draft = RevisionDraft(self.path)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._stack:
            draft = self.draft
            self._draft = None
            try:
                if error is None and self._commands:
                    self.revision = draft.commit(self._commands)
            finally:
                if self.revision is None:
                    draft.discard()

    @property
    def draft(self) -> RevisionDraft:
        """The revision being made.  Raises UsageError outside the `with` block."""
        if self._draft is None:
            raise UsageError(
                "the edit is not open", hint="with run.edit() as edit: edit.rename(1, 'car')"
            )
        return self._draft

    def apply(self, edit: Edit) -> None:
        """Make one edit; the methods below are the same by name.  Raises what `apply_edit`
        raises, and then nothing has changed.
        """
        apply_edit(self.draft, edit)
        self._commands.append(str(edit))

    def absent(self, obj: int, first: int, end: int) -> None:
        """The object is not in the image on frames [first, end)."""
        self.apply(MarkAbsent(obj, first, end))

    def accept(self, obj: int, first: int, end: int) -> None:
        """The object's masks on frames [first, end) are right, and stay as they are."""
        self.apply(AcceptSpan(obj, first, end))

    def delete(self, obj: int) -> None:
        """Drop an object."""
        self.apply(DeleteObject(obj))

    def rename(self, obj: int, label: str) -> None:
        """Name an object."""
        self.apply(RenameObject(obj, label))

    def merge(self, *objects: int) -> None:
        """Several objects become the first of them."""
        self.apply(MergeObjects(objects))

    def split(self, obj: int, at: int) -> int:
        """From frame `at` on the object is another one; the new id."""
        fresh = next_object_id(self.draft)
        self.apply(SplitObject(obj, at))
        return fresh

    def add(self, label: str | None = None, *, obj: int | None = None) -> int:
        """A new object, to be prompted; its id, the next free one unless `obj` is given."""
        number = next_object_id(self.draft) if obj is None else obj
        self.apply(AddObject(number, label))
        return number

    def frame_of(self, at: Timecode) -> int:
        """The stored frame at a frame number or time.  Raises BadPrompt."""
        index = at.frame
        if index is None:
            assert at.time_s is not None
            index = self.draft.index.frame_at(at.time_s)
        if index is None:
            raise BadPrompt(f"{self.path} holds no frame")
        check_frame(self.draft, index)
        return index

    def range_of(self, first: Timecode, end: Timecode | None) -> tuple[int, int]:
        """First frame and last + 1 of a range; left out, its end is that of the run.  Raises
        BadPrompt.
        """
        last = end_of(self.draft)
        if end is None or end.frame == last:
            return self.frame_of(first), last
        return self.frame_of(first), self.frame_of(end)
