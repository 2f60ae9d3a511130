"""Files that are either whole or absent: write to a `.part` beside the target, fsync,
rename.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vseg.errors import BadExchange, BadVideo, OutputError, UsageError
from vseg.io.unfinished import sweep, unfinished


def is_utf8(name: str | Path) -> bool:
    """Whether a name can stand in a file of text: Python keeps bytes of others as halves of
    characters, which neither JSON nor Parquet takes.
    """
    try:
        str(name).encode()
    except UnicodeEncodeError:
        return False
    return True


def real_path(path: Path) -> Path:
    """The place that links lead to.  Those that lead in a circle stay as they are, and the
    system refuses them: Path.resolve has an error of its own for them.
    """
    return Path(os.path.realpath(path))


def given_path(value: object, what: str) -> Path:
    """The path that a caller gave.  Raises UsageError for what is none."""
    if not isinstance(value, str | Path) or value == "":
        raise UsageError(
            f"{what} is {value!r}, not the name of a file or folder",
            hint="give a string or a pathlib.Path",
        )
    return Path(value)


def is_hidden(name: str) -> bool:
    """Whether a name in a folder is one that the system put there, as macOS does, beside what
    the folder is for.
    """
    return name.startswith(".") or name == "__MACOSX"


def check_no_pipe(path: Path) -> None:
    """Raise BadExchange for a named pipe: opening it waits for a writer."""
    if path.is_fifo():
        raise BadExchange(f"{path} is a pipe", hint="write what comes from it to a file first")


def check_named(source: str | Path) -> None:
    """Raise BadVideo for an empty name, which would stand for the current folder."""
    if not str(source).strip():
        raise BadVideo(
            "the name of the clip is empty", hint="give a file or a folder; . is this folder"
        )


def check_exists(source: str) -> None:
    """Raise BadVideo if a local file or folder is not there or has no name; an address is not
    asked.
    """
    check_named(source)
    # os.path.exists and not Path.exists, which raises for a name of too many bytes.
    if "://" not in source and not os.path.exists(source):
        raise BadVideo(f"{source}: no such file", hint="check the name and the current folder")


def check_free(
    target: Path, *, overwrite: bool, is_member: Callable[[Path], bool] | None = None
) -> None:
    """Raise OutputError unless a file or folder may be written at `target`.

    A device, a pipe or an open stream (/dev/null, /dev/stdout) is never replaced.

    With `overwrite` a file may be replaced, and a folder if nothing but an earlier output is
    in it.  is_member: whether a path belongs to an output that is a folder; None if the output
    is a file.
    """
    if not is_utf8(target):
        raise OutputError(f"{target}: the name is not UTF-8", hint="take another name")
    _check_ordinary(target)
    inside = sorted(target.iterdir()) if target.is_dir() else []
    if not target.exists() or (is_member is not None and target.is_dir() and not inside):
        return
    other = "name another place with -o"
    if target.is_dir() != (is_member is not None):
        kind = "a file" if is_member is None else "a folder"
        raise OutputError(f"{target} exists and cannot be replaced by {kind}", hint=other)
    if not overwrite:
        raise OutputError(
            f"{target} exists already", hint=f"--overwrite replaces it; or {other}"
        )
    foreign = [path for path in inside if is_member is not None and not is_member(path)]
    if foreign:
        raise OutputError(
            f"{target} holds {foreign[0].name}, which no earlier output left there",
            hint=f"{other}, or delete the folder yourself",
        )


def make_folder(folder: Path, what: str) -> None:
    """Make a folder, and those above it, unless it is there.

    what: what is to be written there, as the message names it.  Raises OutputError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot write {what} to {folder}: {error.strerror or error}",
            hint="check the folder's permissions and free space (df -h), or write elsewhere",
        ) from error


def _check_ordinary(target: Path) -> None:
    """Raise OutputError for what is there and is neither a file nor a folder: renaming a file
    over it would take it from every program on the machine.  A link that leads nowhere is not
    replaced either: what it stands for may be away for a moment.
    """
    if target.is_symlink() and not target.exists():
        raise OutputError(
            f"{target} is a link that leads nowhere", hint="delete it, or name another place"
        )
    stream = target.is_symlink() and Path(os.readlink(target)).is_relative_to("/proc")
    if stream or (target.exists() and not (target.is_file() or target.is_dir())):
        raise OutputError(
            f"{target} is a device, a pipe or a stream, not a file",
            hint="name a file or a folder to write",
        )


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A temporary path to write to; it becomes `target` when the block ends without an error.

    On any error, Ctrl-C included, the temporary file is removed and `target` is as it was.
    Raises OutputError, naming the target, when the system refuses (permission, no space left).
    """
    part = unfinished(target)
    sweep(target.parent)
    try:
        _check_ordinary(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        yield part
        # On disk before it has its name: after a power cut the name must not stand for less.
        with part.open("rb+") as handle:
            os.fsync(handle.fileno())
        part.replace(target)
    except OSError as error:
        raise OutputError(
            f"cannot write {target}: {error.strerror or error}",
            hint="check the folder's permissions and free space (df -h), or write elsewhere",
        ) from error
    finally:
        # Fails where the folder itself could not be made; that error is already on its way.
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """A new folder to fill; it replaces `target` when the block ends without an error.

    On any error the new folder is removed and `target` is as it was.  Raises OutputError,
    naming the target, when the system refuses.
    """
    fresh = unfinished(target)
    replaced = unfinished(target, ".old")
    sweep(target.parent)
    try:
        fresh.mkdir(parents=True)
        yield fresh
        _replace_folder(target, fresh, replaced)
    except OSError as error:
        raise OutputError(
            f"cannot write {target}: {error.strerror or error}",
            hint="check the folder's permissions and free space (df -h), or write elsewhere",
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)


def _replace_folder(target: Path, fresh: Path, aside: Path) -> None:
    """Rename `fresh` to `target`; what is there is moved `aside`, and back if that fails.

    A folder cannot be renamed over one that is not empty.
    """
    if target.exists():
        target.replace(aside)
    try:
        fresh.replace(target)
    except OSError:
        if aside.exists():
            aside.replace(target)
        raise


def atomic_write_bytes(target: Path, payload: bytes) -> None:
    """Write `payload` to `target`, whole or not at all."""
    with atomic_path(target) as part:
        part.write_bytes(payload)


def atomic_write_text(target: Path, text: str) -> None:
    """Write UTF-8 `text` to `target`, whole or not at all."""
    atomic_write_bytes(target, text.encode("utf-8"))


def sha256_of(*paths: Path) -> str:
    """The SHA-256 of the files' bytes one after another, in hex."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as handle:
            while block := handle.read(2**20):
                digest.update(block)
    return digest.hexdigest()
