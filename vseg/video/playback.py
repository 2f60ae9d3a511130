"""Images of this machine as if they were live: a clip in real time, a folder that grows, or
what a program makes.

A thread takes images from the capture when they are due and keeps the newest, or all, for the
consumer.
"""

import threading
import time

from vseg.errors import BadVideo, DamagedVideo, VsegError
from vseg.interfaces.live_source import LiveCounts
from vseg.types import Frame, VideoInfo
from vseg.video.capture import Capture, Grabbed
from vseg.video.live_frames import LiveFrames, LiveImage
from vseg.video.live_queue import LiveQueue

_JOIN_S = 5.0  # what a driver that hangs may delay closing
_WAIT_S = 1.0  # for room, between looks at whether to end


class Playback(LiveFrames):
    """A `LiveSource` of one capture, which ends with it.

    drop: the newest image wins; else all are given.  rescale: images of another size than the
    first are scaled to it; else they are damage, as they are in the middle of a clip.  wait:
    the first image may take a while; else BadVideo is raised if there is none.  news: set
    whenever there is something new.  A clip plays from the first `take` on: prompts are of
    its first image, whatever was set up before.
    """

    generation = 1

    def __init__(
        self,
        capture: Capture,
        name: str,
        *,
        drop: bool = True,
        rescale: bool = False,
        wait: bool = False,
        news: threading.Event | None = None,
    ) -> None:
        super().__init__(name)
        self._capture = capture
        self._rescale = rescale
        self._news = news or threading.Event()
        self._queue = LiveQueue(drop=drop)
        self._error: VsegError | None = None
        self._newest_s: float | None = None
        first: Grabbed | None = None
        try:
            first = None if wait else self._first()
        except BaseException:
            capture.close()
            raise
        self._thread = threading.Thread(
            target=self._pump, args=(first,), name="vseg-camera", daemon=True
        )
        if first is None or first.due_s is None:
            self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether everything was given, or it was closed."""
        return self._queue.over and self._error is None

    @property
    def dropped(self) -> int:
        """Images that nobody took before the next one."""
        return self._queue.dropped

    def counts(self) -> LiveCounts:
        """What it gave so far."""
        newest_s = self._newest_s
        age_s = None if newest_s is None else time.monotonic() - newest_s
        return LiveCounts(self._queue.arrived, self._given, self._queue.dropped, 0, age_s)

    def close(self) -> None:
        """Stop the thread and release the source; closing twice is harmless."""
        self._error = None
        self._queue.end(forget=True)
        self._capture.interrupt()
        if self._begun:
            self._thread.join(_JOIN_S)
        else:
            self._capture.close()

    def _first(self) -> Grabbed:
        """The first image, by which the source is described."""
        capture = self._capture
        first = capture.grab()
        if first is None:
            raise BadVideo(f"{self.name}: gives no image {capture.broken}".rstrip())
        height, width = first.convert().shape[:2]
        self.info = VideoInfo(
            source=self.name,
            height=height,
            width=width,
            fps=capture.fps,
            num_frames=None,
            codec=capture.codec,
            pixel_aspect=first.pixel_aspect,
        )
        return first

    def _pump(self, first: Grabbed | None) -> None:
        """The thread: put each image when it is due, until there are no more."""
        error: VsegError | None = None
        try:
            grabbed: Grabbed | None = first or self._first()
            self._start_s = time.monotonic()
            while grabbed is not None and self._put(grabbed):
                grabbed = self._capture.grab()
            if self._capture.broken and not self._queue.over:
                error = DamagedVideo(self.name, self._queue.arrived, self._capture.broken)
        except VsegError as raised:
            error = raised
        finally:
            self._capture.close()
            # Closed before its first image came: that none did is no error.
            self._error = None if self._queue.over else error
            self._queue.end()
            self._news.set()

    def _put(self, grabbed: Grabbed) -> bool:
        """Put an image when it is due; whether more are wanted."""
        due_s = 0.0 if grabbed.due_s is None else (self._start_s or 0.0) + grabbed.due_s
        going_on = self._queue.wait(due_s - time.monotonic())
        while going_on and not self._queue.has_room(_WAIT_S):
            going_on = self._queue.wait(0.0)
        if going_on:
            self._newest_s = self._queue.put(grabbed).arrived_s
            self._news.set()
        return going_on

    @property
    def _begun(self) -> bool:
        return self._thread.ident is not None

    def _take_image(self, timeout_s: float) -> LiveImage | None:
        if not self._begun and not self._queue.over:
            self._thread.start()
        arrival = self._queue.take(timeout_s)
        if arrival is None:
            error = self._error if self._queue.over else None
            if error is not None:
                self._error = None
                raise error
            return None
        grabbed = arrival.grabbed
        return LiveImage(arrival.arrived_s, grabbed.pts, grabbed.convert())

    def _frame(self, image: LiveImage) -> Frame:
        height, width = image.pixels.shape[:2]
        if not self._rescale and (height, width) != (self.info.height, self.info.width):
            reason = f"the image size changes to {width}x{height}"
            raise DamagedVideo(self.name, self._given, reason)
        return super()._frame(image)
