"""A folder that something writes images into: each one is given as soon as it is whole.

Images are taken as they come, and those that come together in the natural order of their
names: names may go back, as time stamps do once a clock was set.  An image that is given
another name was taken already.  Links that leave the folder are left alone.  A file that does
not decode yet is tried again until it has not changed for a while, and is then passed over.
"""

import os
import stat
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from vseg.io.files import real_path
from vseg.video.capture import Grabbed, grabbed_image
from vseg.video.images import is_image, load_image, natural_key

# How often to ask whether the folder changed.  A round value, below the distance of still
# images.
_ASK_EVERY_S = 0.1
# Whoever writes an image and pauses for longer has died.  A round value.
_WHOLE_AFTER_S = 2.0

Pixels = UInt8[np.ndarray, "H W 3"]
_Content = tuple[int, int]
"""What a file keeps when it is given another name: its inode, and when it was last written to,
since the inode of a deleted file is used again.
"""


class GrowingFolder:
    """A `Capture` of images as they are written.

    from_newest: of the images that are there already, only the last is given; else all are.
    """

    fps: Fraction | None = None
    codec = "images"
    finite = True
    broken = ""

    def __init__(self, folder: Path, *, from_newest: bool) -> None:
        self._folder = folder
        self._closed = threading.Event()
        self._changed_ns = -1
        # Of the newest listing: nothing is kept of files that are gone.
        self._names: set[str] = set()
        self._taken: set[_Content] = set()
        self._waiting = self._new()
        if from_newest:
            self._waiting = self._waiting[-1:]

    def grab(self) -> Grabbed | None:
        """The next image, None once this is closed; blocks until one is there."""
        while not self._closed.is_set():
            if not self._waiting:
                self._waiting = self._new()
            if not self._waiting:
                self._closed.wait(_ASK_EVERY_S)
                continue
            image = self._whole(self._waiting.pop(0))
            if image is not None:
                return grabbed_image(image)
        return None

    def interrupt(self) -> None:
        """Make a waiting `grab` return."""
        self._closed.set()

    def close(self) -> None:
        """Give no more images."""
        self._closed.set()

    def _new(self) -> list[Path]:
        """The images in order that were not there when the folder was listed before."""
        files = self._list()
        if files is None:
            return []
        new = [
            file
            for file, content in files.items()
            if file.name not in self._names and content not in self._taken
        ]
        self._names = {file.name for file in files}
        self._taken &= set(files.values())
        return sorted(new, key=natural_key)

    def _list(self) -> dict[Path, _Content] | None:
        """The images of the folder; None if none was added since this was last asked, and of a
        folder that is away.
        """
        try:
            changed_ns = self._folder.stat().st_mtime_ns
            # A file that comes within the clock's step of the listing is seen by the next one.
            settled = time.time_ns() - changed_ns > _WHOLE_AFTER_S * 1e9
            if changed_ns == self._changed_ns and settled:
                return None
            self._changed_ns = changed_ns
            root = real_path(self._folder)
            found = (
                (file, _status(file)) for file in self._folder.iterdir() if is_image(file)
            )
            return {
                file: _content(status)
                for file, status in found
                if status is not None and real_path(file).is_relative_to(root)
            }
        except OSError:
            return None

    def _whole(self, file: Path) -> Pixels | None:
        """The image of a file once it decodes; None of one that never does, or that goes."""
        while not self._closed.is_set():
            try:
                image = load_image(file)
            except (OSError, ValueError, SyntaxError):
                if not _is_new(file):
                    return None
            else:
                status = _status(file)
                if status is not None:
                    self._taken.add(_content(status))
                return image
            self._closed.wait(_ASK_EVERY_S)
        return None


def _is_new(file: Path) -> bool:
    """Whether a file changed a short while ago, or in the future of this machine's clock."""
    try:
        return time.time() - file.stat().st_mtime < _WHOLE_AFTER_S
    except OSError:
        return False


def _status(file: Path) -> os.stat_result | None:
    """Of a regular file, None of anything else, or once it is gone."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _content(status: os.stat_result) -> _Content:
    return status.st_ino, status.st_mtime_ns
