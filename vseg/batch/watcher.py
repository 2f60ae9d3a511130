"""Who is told what a batch does while it runs."""

from typing import Protocol, runtime_checkable

from vseg.batch.manifest import Manifest
from vseg.batch.schedule import Attempt


@runtime_checkable
class BatchWatcher(Protocol):
    """Called by an engine, from several threads at once."""

    def begins(self, worker: str, attempt: Attempt) -> None:
        """A worker takes a job."""
        ...

    def advances(self, worker: str, done: int, total: int) -> None:
        """So many frames of its job are tracked, of so many."""
        ...

    def ends(self, worker: str, attempt: Attempt, ended: Manifest | None) -> None:
        """How its job ended; None if it is tried again, or continued by the next start."""
        ...
