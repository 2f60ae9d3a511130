"""A run, and the journal of what was done to it: which are kept in step.

Enters: what is done, in entries.  Leaves: the run and its ledger, on the disk before a call
returns.  Each command is one step of undo.  A process that is killed between any two writes
leaves a journal and a run that the next one brings together again.
"""

import threading
from collections.abc import Sequence
from pathlib import Path

from vseg.errors import UsageError
from vseg.results.draft import finished_header
from vseg.results.layout import HEADER
from vseg.results.revision_chain import go_to
from vseg.results.run import Run
from vseg.server.annotator.begun_revision import finish_begun
from vseg.server.annotator.journal import (
    AnyEntry,
    Begun,
    Ended,
    Journal,
    Opened,
    Outside,
    Redone,
    Skipped,
    Undone,
)
from vseg.server.annotator.ledger import LedgerStep, PendingPrompt, read_ledger
from vseg.types import Prompt


class JournaledRun:
    """run: as it is now.  ledger: what the journal amounts to.  lock: held while either is
    changed, and by who reads both.
    """

    def __init__(self, path: Path) -> None:
        """Raises BadRun for a run that is not finished or damaged, or a damaged journal."""
        self.path = path
        self.lock = threading.RLock()
        finished_header(path)
        self.journal = Journal(path)
        self.run = Run(path)
        self._stamp = self._stamp_now()
        self.journal.cut_torn_line()
        self.ledger = read_ledger(self.journal)
        if not self.ledger.opened:
            self._write(Opened(revision=self.run.revision))
        self._bring_together()

    def refresh(self) -> bool:
        """Take in what another program made of the run; whether it did."""
        with self.lock:
            if self._stamp_now() == self._stamp:
                return False
            self._reopen()
            if self.run.revision == self.ledger.revision:
                return False
            self._write(Outside(revision=self.run.revision))
            return True

    def begin_revision(self, title: str, prompts: Sequence[PendingPrompt] = ()) -> None:
        """Say in the journal that a revision is made, which these prompts become part of.
        Raises UsageError while another one is.
        """
        with self.lock:
            self._check_still()
            objects = {p.place[0] for p in prompts}
            begun = Begun(
                revision=self._next_revision(),
                title=title,
                object=min(objects) if len(objects) == 1 else None,
                frame=min((p.place[1] for p in prompts), default=None),
                consumes=tuple(p.number for p in prompts),
            )
            self._write(begun)

    def end_revision(self, ended: Ended) -> None:
        """Say in the journal what became of the revision begun."""
        with self.lock:
            self._reopen()
            self._write(ended)

    def skip(self, obj: int, first: int, end: int) -> None:
        """Leave a risky span for later."""
        with self.lock:
            self._write(Skipped(object=obj, first=first, end=end))

    def undo(self) -> LedgerStep | None:
        """Take the last step back; which one that was, None where there is none."""
        with self.lock:
            self._check_still()
            if not self.ledger.steps:
                return None
            step = self.ledger.steps[-1]
            self._move(Undone(before=self.run.revision))
            return step

    def redo(self) -> LedgerStep | None:
        """Make the step undone last again; None where there is none."""
        with self.lock:
            self._check_still()
            if not self.ledger.undone:
                return None
            step = self.ledger.undone[-1]
            self._move(Redone(before=self.run.revision))
            return step

    def _check_still(self) -> None:
        """Raise UsageError while a propagation is under way."""
        if self.ledger.begun is not None:
            raise UsageError(
                "a propagation is under way",
                hint="wait for it, or cancel it: what it has stays",
            )

    def _move(self, entry: Undone | Redone) -> None:
        """Undo or redo: the journal first, then the run."""
        self._write(entry)
        self._go_to_revision()

    def _go_to_revision(self) -> None:
        if self.run.revision != self.ledger.revision:
            go_to(self.path, self.ledger.revision)
            self._reopen()

    def _bring_together(self) -> None:
        """Finish what a kill has cut between the journal and the run."""
        begun = self.ledger.begun
        if begun is not None:
            self._write(finish_begun(begun, self.ledger, self.run))
        elif self.ledger.moved_from == self.run.revision:
            self._go_to_revision()
        if self.run.revision != self.ledger.revision:
            self._write(Outside(revision=self.run.revision))

    def _write(self, entry: AnyEntry, prompt: Prompt | None = None) -> None:
        self.journal.append(entry)
        self.ledger.add(entry, prompt)

    def _reopen(self) -> None:
        self._stamp = self._stamp_now()
        self.run = Run(self.path)

    def _stamp_now(self) -> tuple[int, int, int]:
        """What changes when run.json is replaced."""
        status = (self.path / HEADER).stat()
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _next_revision(self) -> int:
        return max((r.number for r in self.run.header.revisions), default=0) + 1
