"""A camera, a network stream or a file played in real time in; always the newest frame out.

A thread takes images as they come and keeps one.  A consumer slower than the source gets the
newest image and the ones between are dropped and counted.  time_s is this machine's monotonic
clock, zero at the first image.  A stream that breaks ends with DamagedVideo; reconnecting is
the caller's.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from vseg.errors import BadVideo, DamagedVideo, VsegError
from vseg.interfaces.closing import Closing
from vseg.types import Frame, VideoInfo
from vseg.video.address import redact
from vseg.video.capture import Grabbed, open_capture

SILENCE_S = 10.0


class Camera(Closing):
    """A live Source.  `index` counts the frames given out; `dropped` those that were not.

    source: a device number, an address (rtsp, http, udp, ...) or a file.  timeout_s: how long
    a network stream may be silent; close() may wait as long.  Raises BadVideo if it cannot be
    opened.
    """

    def __init__(self, source: int | str | Path, *, timeout_s: float = SILENCE_S) -> None:
        self.name = f"camera {source}" if isinstance(source, int) else redact(source)
        self._timeout_s = timeout_s
        self._capture = open_capture(source, timeout_s)
        try:
            first = self._capture.grab()
            if first is None:
                raise BadVideo(f"{self.name}: gives no image {self._capture.broken}".rstrip())
            height, width = first.convert().shape[:2]
        except BaseException:
            self._capture.close()
            raise
        self.info = VideoInfo(
            source=self.name,
            height=height,
            width=width,
            fps=self._capture.fps,
            num_frames=None,
            codec=self._capture.codec,
        )
        self.dropped = 0
        self._given = 0
        self._newest: tuple[float, Grabbed] | None = None
        self._error: VsegError | None = None
        self._ended = self._stopped = False
        self._changed = threading.Condition()
        self._start = time.monotonic()
        self._thread = threading.Thread(
            target=self._pump, args=(first,), name="vseg-camera", daemon=True
        )
        self._thread.start()

    def _pump(self, first: Grabbed) -> None:
        """The thread: publish each image when it is due, until there are no more."""
        error: VsegError | None = None
        try:
            grabbed: Grabbed | None = first
            while grabbed is not None and self._publish(grabbed):
                grabbed = self._capture.grab()
            if self._capture.broken and not self._stopped:
                error = DamagedVideo(self.name, self._given, self._capture.broken)
        except VsegError as raised:
            error = raised
        finally:
            self._capture.close()
            with self._changed:
                self._error = error
                self._ended = True
                self._changed.notify_all()

    def _publish(self, grabbed: Grabbed) -> bool:
        with self._changed:
            if grabbed.due_s is not None:
                wait_s = self._start + grabbed.due_s - time.monotonic()
                self._changed.wait_for(lambda: self._stopped, timeout=max(wait_s, 0.0))
            if self._stopped:
                return False
            self.dropped += self._newest is not None
            self._newest = time.monotonic() - self._start, grabbed
            self._changed.notify_all()
        return True

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self._next_frame()) is not None:
            yield frame

    def _next_frame(self) -> Frame | None:
        with self._changed:
            self._changed.wait_for(lambda: self._newest or self._ended or self._stopped)
            if self._stopped:
                return None
            if self._newest is None:
                error = self._error
                self._error = None
                if error is not None:
                    raise error
                return None
            (time_s, grabbed), self._newest = self._newest, None
            index = self._given
            self._given = self._given + 1
        image = grabbed.convert()
        if image.shape[:2] != (self.info.height, self.info.width):
            size = f"{image.shape[1]}x{image.shape[0]}"
            raise DamagedVideo(self.name, index, f"the image size changes to {size}")
        return Frame(index, grabbed.pts, time_s, image)

    def close(self) -> None:
        """Stop the thread and release the source; closing twice is harmless."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join(self._timeout_s + 1)
