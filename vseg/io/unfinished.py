"""The hidden names under which files and folders are written until they are whole, and what of
them a killed process left behind.

Enters: where an output goes.  Leaves: `.NAME.PID-STARTED-PLACE.part` beside it.  The name says
which process writes it, so that what it left may be deleted once it is gone, and nothing else.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from vseg.io.processes import place, runs, started

_NAME = re.compile(
    r"\.(?P<target>.+)\.(?P<pid>\d{1,10})-(?P<began>\d*)-(?P<place>[0-9a-f]{8})"
)
_ENDINGS = (".part", ".old")


def unfinished(target: Path, ending: str = ".part") -> Path:
    """Where this process writes `target` until it is whole.  ending: .old for what a folder
    takes the place of.
    """
    return target.with_name(f".{target.name}{_own_mark()}{ending}")


def is_unfinished(path: Path) -> bool:
    """Whether a name is one of `unfinished`, of whatever process."""
    return path.suffix in _ENDINGS and _NAME.fullmatch(path.stem) is not None


def is_own(path: Path) -> bool:
    """Whether this process writes it."""
    return is_unfinished(path) and path.stem.endswith(_own_mark())


@contextmanager
def scratch_folder(target: Path) -> Iterator[Path]:
    """A hidden folder beside an output that is made in it; removed when the block ends."""
    folder = unfinished(target)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Delete what processes of this place that are gone left unfinished in a folder."""
    _sweep(folder.absolute())


# Once for each of the folders written to last: to list one for each of its files is slow.
@lru_cache(maxsize=64)
def _sweep(folder: Path) -> None:
    with suppress(OSError):
        for path in folder.iterdir():
            if _is_left(path):
                _remove(path)


def _is_left(path: Path) -> bool:
    """Whether a path was left unfinished by a process that is gone.  What a new folder takes
    the place of is kept unless that is there.
    """
    named = _NAME.fullmatch(path.stem) if path.suffix in _ENDINGS else None
    if named is None or named["place"] != _place_mark():
        return False
    if path.suffix == ".old" and not path.with_name(named["target"]).exists():
        return False
    return not runs(int(named["pid"]), int(named["began"]) if named["began"] else None)


def _remove(path: Path) -> None:
    # Another process may remove it meanwhile, or the system refuse: then it stays.
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _own_mark() -> str:
    began = started(os.getpid())
    return f".{os.getpid()}-{'' if began is None else began}-{_place_mark()}"


def _place_mark() -> str:
    host, namespace = place()
    return hashlib.sha256(f"{host} {namespace}".encode()).hexdigest()[:8]
