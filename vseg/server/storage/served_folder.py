"""What is under the root: clips, folders of images and runs, by id.

Enters: the root.  Leaves: paths that are inside it.  Symbolic links are not followed and names
that begin with a dot are passed over; a path is resolved and compared with the root again when
it is used, since a link may have taken its place since.
"""

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vseg.errors import BadVideo, NotThere
from vseg.io.files import is_utf8, real_path
from vseg.results.layout import HEADER, is_run
from vseg.server.storage.ids import id_of
from vseg.video.container import VIDEO_SUFFIXES
from vseg.video.images import SUFFIXES as IMAGE_SUFFIXES

Kind = Literal["video", "run"]

_SCAN_EVERY_S = 1.0
"""At most so often is the root gone through for an id that is not known: whoever asks for
what is not there must not keep the disk busy.
"""
_DEPTH = 8
"""Folders below the root that are gone through: more than people nest clips."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One clip or run.  path: relative to the root, with `/`."""

    id: str
    kind: Kind
    path: str


class ServedFolder:
    """The clips and runs under a root."""

    def __init__(self, root: Path) -> None:
        """Raises BadVideo for a root that is no folder."""
        check_root(root)
        self.root = real_path(root)
        self._known: dict[str, Entry] = {}
        self._scanned = -math.inf
        self._admitted: dict[str, tuple[Kind, Path]] = {}

    def admit(self, kind: Kind, path: Path) -> str:
        """Serve a clip or a run that is not under the root, since who started the service
        named it; its id.
        """
        resolved = real_path(path)
        entry_id = self.id_at(resolved) if self._is_under(resolved) else id_of(str(resolved))
        self._admitted[entry_id] = kind, resolved
        return entry_id

    def entries(self, kind: Kind) -> list[Entry]:
        """Everything of a kind, by path."""
        found = {entry.id: entry for entry in self._walk(self.root, 0)}
        self._known = found
        self._scanned = time.monotonic()
        return sorted((e for e in found.values() if e.kind == kind), key=lambda e: e.path)

    def find(self, kind: Kind, entry_id: str) -> Path:
        """Where the clip or run of an id is.  Raises NotThere."""
        admitted = self._admitted.get(entry_id)
        if admitted is not None and admitted[0] == kind:
            return admitted[1]
        entry = self._entry_of(kind, entry_id)
        if entry is None and time.monotonic() - self._scanned > _SCAN_EVERY_S:
            self.entries(kind)
            entry = self._entry_of(kind, entry_id)
        if entry is None:
            raise NotThere(
                f"there is no {kind} {entry_id}", hint=f"GET /v1/{kind}s lists them"
            )
        return self.inside(self.root / entry.path)

    def inside(self, path: Path) -> Path:
        """The path, known to be under the root with every link followed.  Raises NotThere."""
        resolved = real_path(path)
        if not self._is_under(resolved) and not self._is_admitted(resolved):
            raise NotThere(
                "the path leads out of the root", hint="only what is in it is served"
            )
        return resolved

    def id_at(self, path: Path) -> str:
        """The id of a path; one under the root is known from now on."""
        if not self._is_under(path):
            return id_of(str(path))
        entry = self._entry("run" if is_run(path) else "video", path)
        self._known[entry.id] = entry
        return entry.id

    def name_of(self, path: Path) -> str:
        """The path relative to the root, with `/`; of what is not under it, its own name."""
        return path.relative_to(self.root).as_posix() if self._is_under(path) else path.name

    def _is_under(self, path: Path) -> bool:
        return path.is_relative_to(self.root)

    def _is_admitted(self, path: Path) -> bool:
        return any(path == known for _, known in self._admitted.values())

    def _entry_of(self, kind: Kind, entry_id: str) -> Entry | None:
        """What is known of an id, if it still is that."""
        entry = self._known.get(entry_id)
        if entry is None or entry.kind != kind:
            return None
        path = self.root / entry.path
        there = is_run(path) if kind == "run" else path.exists()
        return entry if there else None

    def _walk(self, folder: Path, depth: int) -> Iterator[Entry]:
        children = _children(folder)
        names = [child.name.lower() for child in children]
        if HEADER in names:
            yield self._entry("run", folder)
            return
        if folder != self.root and any(name.endswith(IMAGE_SUFFIXES) for name in names):
            yield self._entry("video", folder)
        for child in children:
            if child.is_file(follow_symlinks=False):
                # By its id any file could be asked for only if it is listed.
                if child.name.lower().endswith(VIDEO_SUFFIXES):
                    yield self._entry("video", Path(child.path))
            elif child.is_dir(follow_symlinks=False) and depth < _DEPTH:
                yield from self._walk(Path(child.path), depth + 1)

    def _entry(self, kind: Kind, path: Path) -> Entry:
        relative = path.relative_to(self.root).as_posix()
        return Entry(id_of(relative), kind, relative)


def check_root(root: Path) -> None:
    """Raise BadVideo for a root that is no folder."""
    if not root.is_dir():
        raise BadVideo(f"{root}: is not a folder", hint="give a folder with clips")


def _children(folder: Path) -> list[os.DirEntry[str]]:
    """What is served of a folder: neither hidden things nor links, nor names that are not
    UTF-8, which no answer can hold; nothing of a folder that cannot be read.
    """
    try:
        with os.scandir(folder) as children:
            shown = [
                child
                for child in children
                if child.name[0] != "." and not child.is_symlink() and is_utf8(child.name)
            ]
    except OSError:
        return []
    return sorted(shown, key=lambda child: child.name)
