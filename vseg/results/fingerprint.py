"""What identifies a source: its content, so that a moved or touched file is still the same
one.
"""

import hashlib
from pathlib import Path

from vseg.errors import BadRun, BadVideo
from vseg.io.files import is_utf8
from vseg.results.records import SourceFingerprint

_BLOCK_BYTES = 2**20


def fingerprint(path: Path) -> SourceFingerprint:
    """Size and SHA-256 of a video file, or of the names and contents of an image folder's
    files.

    Files whose name starts with a dot, and sub-folders, are no part of an image folder.
    Raises BadVideo if something cannot be read, or the name cannot stand in a run.
    """
    if not is_utf8(path):
        raise BadVideo(
            f"{path}: the name is not UTF-8, and a run names its clip",
            hint="rename the file or the folder",
        )
    try:
        if not path.is_dir():
            sha256, size = _hash_file(path)
            return SourceFingerprint(path=str(path), size=size, sha256=sha256)
        return _fingerprint_folder(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def check_same_source(path: Path, run: Path, made_from: SourceFingerprint) -> None:
    """Raise BadRun unless this is the clip that the run was made from, by content.

    Another size is another clip: then nothing is read.
    """
    if not (path.is_file() or path.is_dir()):
        what = "is neither a file nor a folder" if path.exists() else "is not there"
        raise BadRun(
            f"{path}, the clip of {run}, {what}",
            hint="say where it is: --video CLIP, in Python the argument for its place",
        )
    if _size(path) == made_from.size and fingerprint(path).sha256 == made_from.sha256:
        return
    raise BadRun(
        f"{path} is not the clip that {run} was made from: its content differs",
        hint=f"give the clip that was tracked (it was {made_from.path}): --video CLIP",
    )


def _size(path: Path) -> int:
    """Bytes of a file, or of the files of a folder that count.  Raises BadVideo."""
    try:
        files = _files(path) if path.is_dir() else [path]
        return sum(file.stat().st_size for file in files)
    except OSError as error:
        raise _unreadable(path, error) from error


def _files(folder: Path) -> list[Path]:
    files = (file for file in folder.iterdir() if file.is_file() and file.name[0] != ".")
    return sorted(files, key=lambda file: file.name)


def _unreadable(path: Path, error: OSError) -> BadVideo:
    return BadVideo(
        f"cannot read {error.filename or path}: {error.strerror}", hint="check the path"
    )


def _fingerprint_folder(folder: Path) -> SourceFingerprint:
    together = hashlib.sha256()
    total = 0
    for file in _files(folder):
        sha256, size = _hash_file(file)
        # A name cannot hold a NUL, so no two folders spell the same text.
        together.update(f"{file.name}\0{size}\0{sha256}\0".encode("utf-8", "surrogateescape"))
        total += size
    return SourceFingerprint(path=str(folder), size=total, sha256=together.hexdigest())


def _hash_file(path: Path) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size
