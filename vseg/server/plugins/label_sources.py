"""The files that Label Studio's tasks name, found under the root.

Enters: what a task says: a path, or an address of Label Studio for a file of its own.  Leaves:
a path under the root.  Nothing is fetched: the address of an upload or of a local file tells
where that file is in its folder, which is the root.
"""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from vseg.errors import NotThere
from vseg.server.storage.served_folder import ServedFolder
from vseg.video.container import VIDEO_SUFFIXES
from vseg.video.images import SUFFIXES as IMAGE_SUFFIXES

_LOCAL = "/data/local-files/"
_UPLOAD = "/data/upload/"
_SUFFIXES = {"image": IMAGE_SUFFIXES, "video": VIDEO_SUFFIXES}


def file_of_task(data: dict[str, Any], key: str, kind: str, folder: ServedFolder) -> Path:
    """The image or video of a task.  Raises NotThere for what is not under the root."""
    named = data.get(key)
    if not isinstance(named, str):
        raise NotThere(f"the task has no {key!r} that names its {kind}")
    relative = _relative(named)
    missing = NotThere(
        f"there is no {kind} {relative[:200]!r} under the root",
        hint="serve the folder that Label Studio keeps its files in",
    )
    try:
        path = folder.inside(folder.root / relative)
        there = path.is_file()
    except (OSError, ValueError, RuntimeError) as error:  # no name of a file at all
        raise missing from error
    parts = path.relative_to(folder.root).parts
    shown = not any(part.startswith(".") for part in parts)
    if not there or not shown or not path.name.lower().endswith(_SUFFIXES[kind]):
        raise missing
    return path


def _relative(named: str) -> str:
    """Where the file is in its folder.  Raises NotThere for an address of anything else."""
    try:
        split = urlsplit(named)
    except ValueError:
        split = urlsplit("invalid://address")
    if _LOCAL in f"{split.path}/":
        return (parse_qs(split.query).get("d") or [""])[0]
    if _UPLOAD in split.path:
        return unquote(split.path.partition(_UPLOAD)[2])
    if split.scheme or split.netloc or split.path.startswith("/"):
        raise NotThere(
            f"{named[:200]!r} is not a file under the root, and nothing is fetched",
            hint="name an upload, a local file, or a path relative to the root",
        )
    return unquote(split.path)
