"""A disk that is soon full, for who may mount one."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOMY = "2g"


@contextmanager
def small_disk(folder: Path, kib: int) -> Iterator[Callable[[], None] | None]:
    """A disk of so many KiB, and what enlarges it; where none can be mounted, a folder and None."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
        print("no disk can be mounted here: nothing is tried on a full one", file=sys.stderr)
        yield None
        return
    remount = ["mount", "-o", f"remount,size={ROOMY}", str(folder)]
    try:
        yield lambda: _run(remount)
    finally:
        subprocess.run(["umount", "-l", str(folder)])


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)
