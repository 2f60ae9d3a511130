"""The workers of a batch's driver, and their end."""

import json
import os
import random
import signal
from contextlib import suppress
from pathlib import Path

WORKER_WORDS = (b"vseg.batch.worker_main", b"ray::ClipActor")


def kill_workers(driver: int, draw: random.Random) -> bool:
    """Kill one of the workers; whether there is one."""
    workers = sorted(_workers(driver))
    if workers:
        _kill(draw.choice(workers))
    return bool(workers)


def kill_worker_of(folder: Path, job_id: str) -> None:
    """Kill the process that does a job, if one does.  folder: of the batch on this machine."""
    for kind in ("jobs", "claims"):
        # None does, or it is only just beginning to.
        with suppress(OSError, ValueError):
            claim = folder / kind / job_id / ".writer.json"
            _kill(json.loads(claim.read_text())["pid"])


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _workers(driver: int) -> list[int]:
    """Process ids of the workers of a driver."""
    parents: dict[int, int] = {}
    commands: dict[int, bytes] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            # The name, in brackets, may hold blanks: what follows it is counted.
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            commands[int(entry.name)] = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        parents[int(entry.name)] = int(parent)

    def below(pid: int) -> bool:
        return pid == driver or (pid in parents and below(parents[pid]))

    named = (p for p, words in commands.items() if any(w in words for w in WORKER_WORDS))
    return [pid for pid in named if below(pid)]
