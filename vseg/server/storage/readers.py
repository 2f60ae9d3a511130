"""Open readers of the clips in use, a few of them, each used by one thread at a time."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vseg.build import open_video
from vseg.errors import NotThere
from vseg.interfaces.reader import OpenReader

_OPEN = 8
"""Clips that are kept open: a decoder of 1080p holds some tens of megabytes of frames."""


@dataclass(slots=True)
class _Held:
    version: str
    reader: OpenReader
    lock: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        """Close the reader, once nobody reads from it."""
        with self.lock:
            self.reader.__exit__(None, None, None)


class Readers:
    """Readers by path.  A clip that was replaced since is opened anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[Path, _Held] = OrderedDict()

    @contextmanager
    def reading(self, path: Path) -> Iterator[OpenReader]:
        """The reader of a clip, for this thread alone until the block ends.  Raises
        BadVideo.
        """
        while True:
            held = self._of(path)
            with held.lock:
                if self._held.get(path) is held:
                    yield held.reader
                    return

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            every = list(self._held.values())
            self._held.clear()
        for held in every:
            held.close()

    def _of(self, path: Path) -> _Held:
        """What is open of a clip; opening it, and closing others, keeps nobody waiting."""
        version = version_of(path)
        with self._lock:
            held = self._held.get(path)
            if held is not None and held.version == version:
                self._held.move_to_end(path)
                return held
        opened = _Held(version, open_video(path))
        with self._lock:
            held = self._held.get(path)
            if held is not None and held.version == version:
                surplus = [opened]  # another thread was faster
            else:
                surplus = [] if held is None else [held]
                held = self._held[path] = opened
                self._held.move_to_end(path)
                while len(self._held) > _OPEN:
                    surplus.append(self._held.popitem(last=False)[1])
        for one in surplus:
            one.close()
        return held


def version_of(path: Path) -> str:
    """What changes when a clip is replaced: of its size and moment, not of its content, which
    may be gigabytes.  Raises NotThere.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise NotThere(
            "the clip is not there any more", hint="list the clips again"
        ) from error
    text = f"{path}\0{status.st_size}\0{status.st_mtime_ns}"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
