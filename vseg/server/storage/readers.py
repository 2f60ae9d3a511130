"""Open readers of the clips in use, a few of them, each used by one thread at a time, and the
frames read last: what a page shows is what is clicked on next, and decoding it again may take
a second from the key frame before it.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from vseg.build import open_video
from vseg.errors import DamagedVideo, NotThere
from vseg.interfaces.reader import OpenReader
from vseg.types import Frame
from vseg.video.file import VideoFile

_OPEN = 8
"""Clips that are kept open: a decoder of 1080p holds some tens of megabytes of frames."""
RECENT_BYTES = 96 << 20
"""Of the frames read last, of all clips: 36 of 720p, 3 of 4K.  A round value; not tuned."""
_NEAR = 8
"""Frames behind the one read last that decode at once, without going back to a key frame."""
_BACK = 12
"""Frames that are kept of a way back: half a second at 24 frames a second."""
ClipOpening = tuple[str, str | None, str | None]
"""How a clip is opened: the reader, how a folder of images is numbered, a bag's topic."""


@dataclass(slots=True)
class _Held:
    version: str
    reader: OpenReader
    at: int = 0
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
        self._openings: dict[Path, ClipOpening] = {}
        self._recent = FramesReadLast(RECENT_BYTES)

    def open_as(self, path: Path, opening: ClipOpening) -> None:
        """Say how a clip is to be opened from now on, as the run of it was tracked."""
        with self._lock:
            before = self._openings.get(path)
            self._openings[path] = opening
            if before == opening:
                return
            held = self._held.pop(path, None)
            self._recent.forget(path)
        if held is not None:
            held.close()

    def read(self, path: Path, index: int) -> Frame:
        """A frame of a clip.  Raises NotThere past its end, BadVideo and DamagedVideo."""
        with self._using(path) as held:
            key = (path, held.version, index)
            frame = self._recent.get(key)
            if frame is None:
                if index >= len(held.reader):
                    last = len(held.reader) - 1
                    raise NotThere(
                        f"the video has no frame {index}", hint=f"its frames: 0 to {last}"
                    )
                frame = self._read(path, held, index)
            return frame

    def _read(self, path: Path, held: _Held, index: int) -> Frame:
        """Decode a frame and keep it.  Going back, those before it as well: a reader comes to
        all of them on its way from the key frame, and the next step back is to one of them.
        """
        if index >= held.at or not isinstance(held.reader, VideoFile):
            frame = held.reader.read(index)
            earlier: Iterator[Frame] = iter(())
        else:
            backward = held.reader.frames(index, max(index - _BACK, -1), -1)
            frame = next(backward)
            # As many as there is room for beside what else is shown.
            earlier = islice(backward, RECENT_BYTES // 2 // max(1, frame.image.nbytes))
        held.at = index
        # A damaged frame before this one is told of when it is asked for.
        with suppress(DamagedVideo):
            for other in earlier:
                self._recent.add((path, held.version, other.index), other)
        self._recent.add((path, held.version, index), frame)
        return frame

    def is_near(self, path: Path, index: int) -> bool:
        """Whether reading a frame takes no longer than decoding a few."""
        held = self._held.get(path)
        if held is None:
            return False
        known = self._recent.get((path, held.version, index)) is not None
        return known or held.at < index <= held.at + _NEAR

    @contextmanager
    def reading(self, path: Path) -> Iterator[OpenReader]:
        """The reader of a clip, for this thread alone until the block ends.  Raises
        BadVideo.
        """
        with self._using(path) as held:
            yield held.reader

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            every = list(self._held.values())
            self._held.clear()
        for held in every:
            held.close()

    @contextmanager
    def _using(self, path: Path) -> Iterator[_Held]:
        while True:
            held = self._of(path)
            with held.lock:
                if self._held.get(path) is held:
                    yield held
                    return

    def _of(self, path: Path) -> _Held:
        """What is open of a clip; opening it, and closing others, keeps nobody waiting."""
        version = version_of(path)
        with self._lock:
            held = self._held.get(path)
            if held is not None and held.version == version:
                self._held.move_to_end(path)
                return held
        opened = _Held(
            version, open_video(path, *self._openings.get(path, ("auto", None, None)))
        )
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


class FramesReadLast:
    """The frames used last, of at most `most` bytes, one at least; for several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = 0
        self._lock = threading.Lock()
        self._frames: OrderedDict[tuple[Path, str, int], Frame] = OrderedDict()

    def get(self, key: tuple[Path, str, int]) -> Frame | None:
        """The frame of a clip's path, version and index, if it is held."""
        with self._lock:
            if key in self._frames:
                self._frames.move_to_end(key)
            return self._frames.get(key)

    def add(self, key: tuple[Path, str, int], frame: Frame) -> None:
        """Keep a frame; those not used for longest go."""
        with self._lock:
            before = self._frames.pop(key, None)
            self._bytes -= 0 if before is None else before.image.nbytes
            self._frames[key] = frame
            self._bytes += frame.image.nbytes
            while self._bytes > self._most and len(self._frames) > 1:
                self._bytes -= self._frames.popitem(last=False)[1].image.nbytes

    def forget(self, path: Path) -> None:
        """Let the frames of a clip go."""
        with self._lock:
            for key in [key for key in self._frames if key[0] == path]:
                self._bytes -= self._frames.pop(key).image.nbytes


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
