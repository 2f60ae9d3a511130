"""Where a batch lies: a folder, or a bucket beside which runs are written here first.

Enters: what stands behind -o.  Leaves: files by name, and for each run a folder of this
machine.  A store cannot rename: what counts there is a manifest, which is written last.
"""

import hashlib
import shutil
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from vseg.errors import BadRun, UsageError, VsegError
from vseg.io.files import atomic_write_bytes
from vseg.io.private_folder import private_folder
from vseg.io.stores import Store, is_address
from vseg.results.layout import HEADER, RunState, read_header, run_state
from vseg.results.write_lock import write_lock

JOBS = "jobs"
BEGUN = "begun"
"""In a store: runs that were interrupted."""
CLAIMS = "claims"


class Place(ABC):
    """Where a batch lies.  name: as the user gave it.  folder: for what is only of here."""

    name: str
    folder: Path

    def run_folder(self, job_id: str) -> Path:
        """Where the run of a job is written, on this machine."""
        return self.folder / JOBS / job_id

    @abstractmethod
    def read(self, name: str) -> bytes | None:
        """A file; None if there is none.  Raises OutputError."""

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Replace a file, whole or not at all.  Raises OutputError."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Delete a file; it need not be there."""

    @abstractmethod
    def claim(self, job_id: str) -> AbstractContextManager[None]:
        """A block in which no other process of this machine does the job.  Raises RunBusy,
        which `track` itself does where a run is written in its place.
        """

    @abstractmethod
    def take(self, job_id: str) -> Path:
        """The folder of a run, with what is stored of it."""

    @abstractmethod
    def give(self, job_id: str) -> None:
        """Store what was written of a run."""

    @abstractmethod
    def drop(self, job_id: str) -> None:
        """Delete a run, here and where it is stored."""

    @abstractmethod
    def release(self, job_id: str) -> None:
        """Keep no copy of a stored run here."""

    @abstractmethod
    def has_run(self, job_id: str) -> bool:
        """Whether a finished run is stored."""


class FolderPlace(Place):
    """A folder of this machine, or one that several machines share."""

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self.folder = folder

    def read(self, name: str) -> bytes | None:
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BadRun(f"cannot read {self.folder / name}: {error.strerror}") from error

    def write(self, name: str, content: bytes) -> None:
        atomic_write_bytes(self.folder / name, content)

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def claim(self, job_id: str) -> AbstractContextManager[None]:
        return nullcontext()

    def take(self, job_id: str) -> Path:
        return self.run_folder(job_id)

    def give(self, job_id: str) -> None:
        """Nothing to do: it was written in its place."""

    def drop(self, job_id: str) -> None:
        shutil.rmtree(self.run_folder(job_id), ignore_errors=True)

    def release(self, job_id: str) -> None:
        """Nothing to do: there is no copy."""

    def has_run(self, job_id: str) -> bool:
        return run_state(self.run_folder(job_id)) is RunState.FINISHED


class StorePlace(Place):
    """A place in a bucket."""

    def __init__(self, address: str) -> None:
        """Raises OutputError where there can be no folder for it on this machine."""
        self.name = address
        self._store = Store(address)
        # The same folder at every start: a run that this machine began goes on from it.
        digest = hashlib.sha256(address.encode()).hexdigest()[:16]
        self.folder = private_folder(f"vseg-batch-{digest}", "runs")

    def read(self, name: str) -> bytes | None:
        return self._store.read(name)

    def write(self, name: str, content: bytes) -> None:
        self._store.write(name, content)

    def remove(self, name: str) -> None:
        self._store.remove([name])

    def claim(self, job_id: str) -> AbstractContextManager[None]:
        return write_lock(self.folder / CLAIMS / job_id)

    def take(self, job_id: str) -> Path:
        folder = self.run_folder(job_id)
        # What was written here last is at least as far as what was stored of it.
        if (folder / HEADER).exists():
            return folder
        shutil.rmtree(folder, ignore_errors=True)  # a copy that was cut off
        for stored in (JOBS, BEGUN):
            if self._copy(f"{stored}/{job_id}", folder):
                break
        return folder

    def _copy(self, prefix: str, folder: Path) -> bool:
        """Copy a stored run, the header last; whether there is one."""
        names = set(self._store.names(prefix))
        header = f"{prefix}/{HEADER}"
        if header not in names:
            return False
        for name in [*sorted(names - {header}), header]:
            self._store.get(name, folder / name.removeprefix(f"{prefix}/"))
        return True

    def give(self, job_id: str) -> None:
        """The header last: a run whose upload was cut off is none.

        What is not finished has a place of its own.  So all that ever comes to a finished run
        are the same bytes once more, from a machine that was believed to be gone.
        """
        state = run_state(self.run_folder(job_id))
        if state is RunState.FINISHED:
            self._put(job_id, JOBS)
            self._store.remove(list(self._store.names(f"{BEGUN}/{job_id}")))
        elif state is RunState.RESUMABLE and not self.has_run(job_id):
            self._put(job_id, BEGUN)
        self._store.forget()

    def _put(self, job_id: str, stored: str) -> None:
        folder = self.run_folder(job_id)
        prefix = f"{stored}/{job_id}"
        names = {
            f"{prefix}/{file.relative_to(folder).as_posix()}": file for file in _files(folder)
        }
        header = f"{prefix}/{HEADER}"
        former = self._store.names(prefix)
        if stored == BEGUN:
            self._store.remove([header])
        for name in [*sorted(names.keys() - {header}), header]:
            self._store.put(names[name], name)
        self._store.remove([name for name in former if name not in names])

    def drop(self, job_id: str) -> None:
        self.release(job_id)
        for stored in (JOBS, BEGUN):
            self._store.remove(list(self._store.names(f"{stored}/{job_id}")))

    def release(self, job_id: str) -> None:
        shutil.rmtree(self.run_folder(job_id), ignore_errors=True)

    def has_run(self, job_id: str) -> bool:
        return self._store.read(f"{JOBS}/{job_id}/{HEADER}") is not None


def _files(folder: Path) -> list[Path]:
    """Of a run; not what a killed process had not finished writing."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))


def committed_frames(place: Place, job_id: str) -> int:
    """How many frames of a run are committed in its folder on this machine."""
    try:
        progress = read_header(place.run_folder(job_id)).progress
    except VsegError:
        return 0
    return progress.frames if progress else 0


def open_place(name: str) -> Place:
    """The place that stands behind -o.  Raises UsageError, OutputError."""
    if not name.strip():
        raise UsageError(
            "the place of the batch is empty", hint="-o OUT; . is the current folder"
        )
    return StorePlace(name) if is_address(name) else FolderPlace(Path(name))
