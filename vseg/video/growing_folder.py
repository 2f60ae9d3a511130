"""A folder that something writes images into: each one is given as soon as it is whole.

Images are taken in the natural order of their names; one that comes before the last one taken
is left alone, and so are links that leave the folder.  A file that does not decode yet is
tried again until it has not changed for a while, and is then passed over.
"""

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
        self._waiting: list[Path] = self._list()
        if from_newest:
            self._waiting = self._waiting[-1:]
        self._last: list[tuple[int, int, str]] = []

    def grab(self) -> Grabbed | None:
        """The next image, None once this is closed; blocks until one is there."""
        while not self._closed.is_set():
            if not self._waiting:
                self._waiting = [f for f in self._list() if natural_key(f) > self._last]
            if not self._waiting:
                self._closed.wait(_ASK_EVERY_S)
                continue
            file = self._waiting.pop(0)
            self._last = natural_key(file)
            image = self._whole(file)
            if image is not None:
                return grabbed_image(image)
        return None

    def interrupt(self) -> None:
        """Make a waiting `grab` return."""
        self._closed.set()

    def close(self) -> None:
        """Give no more images."""
        self._closed.set()

    def _list(self) -> list[Path]:
        """The images of the folder in order, if any was added since this was last asked; none
        of a folder that is away.
        """
        try:
            changed_ns = self._folder.stat().st_mtime_ns
            # A file that comes within the clock's step of the listing is seen by the next one.
            settled = time.time_ns() - changed_ns > _WHOLE_AFTER_S * 1e9
            if changed_ns == self._changed_ns and settled:
                return []
            self._changed_ns = changed_ns
            root = real_path(self._folder)
            files = [
                file
                for file in self._folder.iterdir()
                if is_image(file) and real_path(file).is_relative_to(root) and file.is_file()
            ]
        except OSError:
            return []
        return sorted(files, key=natural_key)

    def _whole(self, file: Path) -> Pixels | None:
        """The image of a file once it decodes; None of one that never does, or that goes."""
        while not self._closed.is_set():
            try:
                return load_image(file)
            except (OSError, ValueError, SyntaxError):
                if not _is_new(file):
                    return None
            self._closed.wait(_ASK_EVERY_S)
        return None


def _is_new(file: Path) -> bool:
    """Whether a file changed a short while ago, or in the future of this machine's clock."""
    try:
        return time.time() - file.stat().st_mtime < _WHOLE_AFTER_S
    except OSError:
        return False
