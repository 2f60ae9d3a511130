"""Whether a process that left something behind still runs: by its number, start and place."""

import os
import socket
from pathlib import Path


def place() -> tuple[str, str | None]:
    """Where process numbers mean the same: the machine, and the namespace of process numbers
    where there are several: containers of one name do not see each other's processes.
    """
    try:
        return socket.gethostname(), os.readlink("/proc/self/ns/pid")
    except OSError:
        return socket.gethostname(), None


def started(pid: int) -> int | None:
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


def runs(pid: int, began: int | None) -> bool:
    """Whether a process of this place still runs.  began: `started` of it, so that a number
    that was given out again is not mistaken for it; None where that is not known.
    """
    try:
        os.kill(pid, 0)  # signal 0 only asks whether the process is there
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # it is there and belongs to somebody else, or cannot be asked for
    return began is None or started(pid) == began
