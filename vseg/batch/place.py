"""Where a batch lies: a folder, or a bucket beside which runs are written here first.

Enters: what stands behind -o.  Leaves: files by name, and for each run a folder of this
machine.  A store cannot rename: what counts there is a manifest, which is written last.
"""

import hashlib
import shutil
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path

from vseg.errors import BadRun
from vseg.io.files import atomic_write_bytes
from vseg.io.stores import Store, is_address
from vseg.results.layout import HEADER, RunState, run_state

JOBS = "jobs"


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
        self.name = address
        self._store = Store(address)
        # The same folder at every start: a run that this machine began goes on from it.
        digest = hashlib.sha256(address.encode()).hexdigest()[:16]
        self.folder = Path(tempfile.gettempdir()) / f"vseg-batch-{digest}"

    def read(self, name: str) -> bytes | None:
        return self._store.read(name)

    def write(self, name: str, content: bytes) -> None:
        self._store.write(name, content)

    def remove(self, name: str) -> None:
        self._store.remove([name])

    def take(self, job_id: str) -> Path:
        folder = self.run_folder(job_id)
        # What was written here last is at least as far as what was stored of it.
        if run_state(folder) is RunState.ABSENT:
            stored = self._store.names(f"{JOBS}/{job_id}")
            if f"{JOBS}/{job_id}/{HEADER}" in stored:
                for name in stored:
                    self._store.get(name, self.folder / name)
        return folder

    def give(self, job_id: str) -> None:
        """The header last: a run whose upload was cut off is none."""
        folder = self.run_folder(job_id)
        if not folder.exists():
            return
        prefix = f"{JOBS}/{job_id}"
        here = {
            f"{prefix}/{file.relative_to(folder).as_posix()}": file for file in _files(folder)
        }
        stored = self._store.names(prefix)
        header = f"{prefix}/{HEADER}"
        self._store.remove([header])
        for name, file in here.items():
            if name != header:
                self._store.put(file, name)
        self._store.remove([name for name in stored if name not in here])
        if header in here:
            self._store.put(here[header], header)
        self._store.forget()

    def drop(self, job_id: str) -> None:
        self.release(job_id)
        self._store.remove(list(self._store.names(f"{JOBS}/{job_id}")))

    def release(self, job_id: str) -> None:
        shutil.rmtree(self.run_folder(job_id), ignore_errors=True)

    def has_run(self, job_id: str) -> bool:
        return self._store.read(f"{JOBS}/{job_id}/{HEADER}") is not None


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def open_place(name: str) -> Place:
    """The place that stands behind -o.  Raises UsageError."""
    return StorePlace(name) if is_address(name) else FolderPlace(Path(name))
