"""One writer for each run: who writes a run says so in its folder.

Enters: a run directory.  Leaves: nothing; while the block runs, the folder holds
`.writer.json` with the process, the machine and the moment, and the time of change of that
file is renewed.  A process that was killed leaves its file behind: it is stale once no process
of that number, started at that moment, runs on that machine; on another machine, and where the
file cannot be read, once it is not renewed any more.
"""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ValidationError

from vseg.errors import OutputError, RunBusy
from vseg.io.processes import place, runs, started
from vseg.results.layout import LOCK

RENEWED_S = 10.0
"""Between two signs of life."""
ABANDONED_S = 120.0
"""Network file systems show a time of change up to a minute late (`acregmax` of NFS); the
other minute is for a machine that swaps or whose network stalls."""


class _Writer(BaseModel):
    """A process.  started: ticks since boot where the system tells, so that a process number
    that was given out again is not mistaken for the old process.  namespace: of process
    numbers, where there are several: containers of one name do not see each other's processes.
    """

    host: str
    namespace: str | None = None
    pid: int
    started: int | None
    since: str

    def is_same(self, other: "_Writer") -> bool:
        """Whether both are one process, whenever it began to write."""
        return self.model_dump(exclude={"since"}) == other.model_dump(exclude={"since"})

    def is_here(self) -> bool:
        """Whether this process would see it, if it still runs."""
        return (self.host, self.namespace) == place()


@contextmanager
def write_lock(run: Path) -> Iterator[None]:
    """Be the only writer of the run at `run` until the block ends.

    The folder is made if it is missing, and removed if nothing was put into it.  Raises
    RunBusy, naming the process and the machine, if another process writes there, and
    OutputError where the system refuses.
    """
    if run.exists() and not run.is_dir():  # what is wrong with that is said by who opens it
        yield
        return
    created = not run.exists()
    path = run / LOCK
    _claim(path)
    ended = threading.Event()
    threading.Thread(target=_renew, args=(path, ended), daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        with suppress(OSError):
            if _is_own(path):
                path.unlink(missing_ok=True)
            if created:
                run.rmdir()  # refused by the system unless it is empty


def check_writer(run: Path) -> None:
    """Raise RunBusy if another process has taken the run over: it believed this one, which
    was suspended or cut off from the disk, to be gone.
    """
    path = run / LOCK
    if path.exists() and not _is_own(path):
        raise RunBusy(
            f"another process has taken {run} over, because this one gave no sign of life for "
            f"{ABANDONED_S:.0f} s",
            hint="wait for it",
        )


def _renew(path: Path, ended: threading.Event) -> None:
    while not ended.wait(RENEWED_S):
        # A disk that does not answer is not answered for: after a while the run is free.
        with suppress(OSError):
            if _is_own(path):
                os.utime(path)


def _is_own(path: Path) -> bool:
    """Whether this process claims the run; False of a file that is not there or not whole."""
    try:
        writer = _Writer.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return False
    return writer.is_same(_own())


def _own() -> _Writer:
    host, namespace = place()
    return _Writer(
        host=host,
        namespace=namespace,
        pid=os.getpid(),
        started=started(os.getpid()),
        since=time.strftime("%Y-%m-%d %H:%M:%S"),
    )


def _claim(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                # Exclusive creation: of two processes exactly one gets the file.
                handle = path.open("x", encoding="utf-8")
            except FileExistsError:
                _remove_if_stale(path)
                continue
            _write_own(path, handle)
            return
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}",
            hint="check the folder's permissions and free space, or write elsewhere",
        ) from error


def _write_own(path: Path, handle: IO[str]) -> None:
    """Say who has the file; on a full disk nobody has it."""
    try:
        with handle:
            json.dump(_own().model_dump(), handle)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _remove_if_stale(path: Path) -> None:
    """Remove the file of a process that is gone.  Raises RunBusy if it may still write."""
    try:
        payload = path.read_bytes()
        age_s = _age_s(path)
    except FileNotFoundError:
        return  # released meanwhile
    try:
        writer = _Writer.model_validate_json(payload)
    except ValidationError:
        writer = None
    if _is_gone(writer, age_s):
        _remove_this(path, payload)
        return
    if writer is None:
        raise RunBusy(
            f"{path} says that another process writes this run, and cannot be read",
            hint=f"if no process writes there, delete {path}, or wait {ABANDONED_S:.0f} s",
        )
    raise RunBusy(
        f"{path.parent} is being written by process {writer.pid} on {writer.host} since "
        f"{writer.since}",
        hint="wait for it, stop it, or write elsewhere; if that machine no longer writes, "
        f"delete {path}, or wait {ABANDONED_S:.0f} s",
    )


def _is_gone(writer: _Writer | None, age_s: float) -> bool:
    if writer is not None and writer.is_here():
        return not runs(writer.pid, writer.started)
    return age_s > ABANDONED_S


def _age_s(path: Path) -> float:
    """Since a file was renewed, by the clock of its disk."""
    probe = path.with_name(f"{LOCK}.{os.getpid()}.part")
    probe.touch()
    now = probe.stat().st_mtime
    probe.unlink()
    return now - path.stat().st_mtime


def _remove_this(path: Path, payload: bytes) -> None:
    """Remove the file unless it holds something else by now: another process may have removed
    the stale one and claimed the run since it was read.
    """
    aside = path.with_name(f"{LOCK}.{os.getpid()}.part")
    with suppress(FileNotFoundError):
        path.rename(aside)
        if aside.read_bytes() == payload:
            aside.unlink()
        else:
            aside.rename(path)
