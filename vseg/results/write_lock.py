"""One writer for each run: who writes a run says so in its folder.

Enters: a run directory.  Leaves: nothing; while the block runs, the folder holds
`.writer.json` with the process, the machine and the moment.  A process that was killed leaves
its file behind: it is stale once no process of that number, started at that moment, runs on
that machine.
"""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import BaseModel, ValidationError

from vseg.errors import OutputError
from vseg.results.layout import LOCK


class _Writer(BaseModel):
    """A process.  started: ticks since boot where the system tells, so that a process number
    that was given out again is not mistaken for the old process.
    """

    host: str
    pid: int
    started: int | None
    since: str


@contextmanager
def write_lock(run: Path) -> Iterator[None]:
    """Be the only writer of the run at `run` until the block ends.

    The folder is made if it is missing, and removed if nothing was put into it.  Raises
    OutputError, naming the process and the machine, if another process writes there.
    """
    if run.exists() and not run.is_dir():  # what is wrong with that is said by who opens it
        yield
        return
    created = not run.exists()
    path = run / LOCK
    _claim(path)
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
            if created:
                run.rmdir()  # refused by the system unless it is empty


def _claim(path: Path) -> None:
    own = _Writer(
        host=socket.gethostname(),
        pid=os.getpid(),
        started=_started(os.getpid()),
        since=time.strftime("%Y-%m-%d %H:%M:%S"),
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                # Exclusive creation: of two processes exactly one gets the file.
                with path.open("x", encoding="utf-8") as handle:
                    json.dump(own.model_dump(), handle)
                return
            except FileExistsError:
                _remove_if_stale(path)
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}",
            hint="check the folder's permissions and free space, or write elsewhere",
        ) from error


def _remove_if_stale(path: Path) -> None:
    """Remove the file of a process that is gone.  Raises OutputError if it may still write."""
    try:
        payload = path.read_bytes()
        writer = _Writer.model_validate_json(payload)
    except FileNotFoundError:
        return  # released meanwhile
    except ValidationError:
        raise OutputError(
            f"{path} says that another process writes this run, and cannot be read",
            hint=f"if no process writes there, delete {path}",
        ) from None
    if writer.host == socket.gethostname() and not _runs(writer):
        _remove_this(path, payload)
        return
    raise OutputError(
        f"{path.parent} is being written by process {writer.pid} on {writer.host} since "
        f"{writer.since}",
        hint="wait for it, stop it, or write elsewhere; if that machine no longer writes, "
        f"delete {path}",
    )


def _remove_this(path: Path, payload: bytes) -> None:
    """Remove the file unless it holds something else by now: another process may have removed
    the stale one and claimed the run since it was read.
    """
    aside = path.with_name(f"{LOCK}.{os.getpid()}")
    with suppress(FileNotFoundError):
        path.rename(aside)
        if aside.read_bytes() == payload:
            aside.unlink()
        else:
            aside.rename(path)


def _runs(writer: _Writer) -> bool:
    try:
        os.kill(writer.pid, 0)  # signal 0 only asks whether the process is there
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it is there and belongs to somebody else
    return writer.started is None or _started(writer.pid) == writer.started


def _started(pid: int) -> int | None:
    """When a process began, in ticks since boot (Linux: field 22 of /proc/PID/stat); None of
    one that has ended and was not yet waited for, and where the system does not tell.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace")
    except OSError:
        return None
    # The second field is the command's name in brackets and may itself hold spaces.
    state, *fields = text.rpartition(")")[2].split()
    return None if state in "ZX" else int(fields[18])
