"""Clips of stores as files of this machine, while a job needs them and while there is room.

Enters: an address.  Leaves: a file, named by its address and version.  The files together are
kept below a limit; the one that was used longest ago goes first, and none that is in use.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from vseg.errors import BadVideo, StoreError
from vseg.io.files import atomic_path
from vseg.io.private_folder import private_folder
from vseg.io.stores import Store, StoredFile, unsigned
from vseg.results.records import SourceFingerprint

CACHE_BYTES = 20 * 2**30
"""Some hours of video in 1080p."""


class ClipCache:
    """Clips in a folder that workers share.  limit: bytes of all together."""

    def __init__(self, folder: Path, limit: int = CACHE_BYTES) -> None:
        self._folder = folder
        self._limit = limit

    @contextmanager
    def local(self, source: SourceFingerprint) -> Iterator[Path]:
        """The clip as a file that stays until the block ends.

        Raises BadVideo where it is not what it was when it was planned, and StoreError where
        the store does not give it, or it changes meanwhile.
        """
        address = source.path
        store = Store(address)
        stored = store.describe(address)
        if stored_source(stored) != source:
            raise changed_clip(address)
        path = self._folder / _name_of(stored)
        with _in_use(path):
            if not path.exists():
                self._make_room(stored.size)
                with atomic_path(path) as part:
                    store.fetch(address, part)
            store.forget()
            if store.describe(address) != stored or path.stat().st_size != stored.size:
                path.unlink()
                raise StoreError(f"{unsigned(address)} changed while it was fetched")
            os.utime(path)
            yield path

    def _make_room(self, size: int) -> None:
        """Delete what was used longest ago, until a file of this size fits."""
        files = [(path.stat(), path) for path in self._folder.glob("*/*")]
        total = sum(status.st_size for status, _ in files)
        for status, path in sorted(files, key=lambda one: one[0].st_mtime_ns):
            if total + size <= self._limit:
                return
            if _is_free(path):
                path.unlink(missing_ok=True)
                total -= status.st_size


def stored_source(stored: StoredFile) -> SourceFingerprint:
    """What identifies a clip of a store: what the store says of it."""
    digest = hashlib.sha256(stored.identity.encode()).hexdigest()
    return SourceFingerprint(path=stored.address, size=stored.size, sha256=digest)


def changed_clip(clip: str) -> BadVideo:
    """The error for a clip that is another one than the job's."""
    return BadVideo(
        f"{unsigned(clip)} has changed since the batch was planned",
        hint="give the list of jobs again",
    )


def shared_cache() -> ClipCache:
    """The one of all workers of this user and machine.  Raises OutputError."""
    return ClipCache(private_folder("vseg-clips", "clips"))


def _name_of(stored: StoredFile) -> str:
    """The clip's own name in a folder for the address and the version."""
    digest = hashlib.sha256(f"{stored.address}\0{stored.version}".encode()).hexdigest()[:16]
    return f"{digest}/{Path(stored.address.partition('?')[0]).name}"


@contextmanager
def _in_use(path: Path) -> Iterator[None]:
    """Tell other processes that the file is needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _lock_file(path).open("a") as handle:
        _lock(handle, shared=True)
        yield


def _is_free(path: Path) -> bool:
    """Whether no process needs the file."""
    with suppress(OSError), _lock_file(path).open("a") as handle:
        _lock(handle, shared=False)
        return True
    return False


def _lock_file(path: Path) -> Path:
    return path.parent.with_suffix(".lock")


def _lock(handle: IO[str], *, shared: bool) -> None:
    """Hold a file until it is closed.  Raises OSError where another process does.

    Windows has no such locks, and refuses to delete a file that is open.
    """
    with suppress(ImportError):
        import fcntl

        mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX | fcntl.LOCK_NB
        fcntl.flock(handle, mode)
