"""What identifies a source: its content, so that a moved or touched file is still the same
one.
"""

import hashlib
from pathlib import Path

from vseg.errors import BadVideo
from vseg.results.records import SourceFingerprint

_BLOCK_BYTES = 2**20


def fingerprint(path: Path) -> SourceFingerprint:
    """Size and SHA-256 of a video file, or of the names and contents of an image folder's
    files.

    Files whose name starts with a dot, and sub-folders, are no part of an image folder.
    Raises BadVideo if something cannot be read.
    """
    try:
        if not path.is_dir():
            sha256, size = _hash_file(path)
            return SourceFingerprint(path=str(path), size=size, sha256=sha256)
        return _fingerprint_folder(path)
    except OSError as error:
        raise BadVideo(
            f"cannot read {error.filename or path}: {error.strerror}", hint="check the path"
        ) from error


def _fingerprint_folder(folder: Path) -> SourceFingerprint:
    together = hashlib.sha256()
    total = 0
    files = (file for file in folder.iterdir() if file.is_file() and file.name[0] != ".")
    for file in sorted(files, key=lambda file: file.name):
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
