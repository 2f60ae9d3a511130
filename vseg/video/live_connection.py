"""One connection to a camera, in a process of its own that is ended when nothing comes.

Enters: an order.  Leaves: images as they are asked for, and why the connection ended.  A
watchdog ends the process once its newest image is older than the time-out, whatever it is
doing.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from vseg.interfaces.closing import Closing
from vseg.video.container import SILENT
from vseg.video.live_messages import (
    ConnectionEnd,
    Described,
    Image,
    ReaderOrder,
    Tick,
    read_message,
)

# What a process may take to start beside the time-out of the network: 0.4 s on an idle core;
# twenty times as much on a machine that is busy.
STARTING_S = 8.0
# The network's own time-out, which tells why, comes first.
_GRACE_S = 0.5


class Connection(Closing):
    """A process that reads one source; `close` ends it.

    changed: guards what is read here, and is notified of every change.
    """

    def __init__(self, order: ReaderOrder, changed: threading.Condition) -> None:
        self.described: Described | None = None
        self.arrived = 0
        self.first_s: float | None = None
        self.newest_s: float | None = None
        self.given = 0
        self._passed = 0
        self._image: Image | None = None
        self._asked = False
        self._order = order
        self._changed = changed
        self._silent = False
        self._closed = threading.Event()
        self._deadline_s = time.monotonic() + order.timeout_s + STARTING_S
        # -P keeps the current folder, which may hold anything, out of the child's imports. A
        # session of its own: Ctrl-C in the terminal is for the caller.
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "vseg.video.live_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self._child.stdin is not None and self._child.stdout is not None
        self._requests = self._child.stdin
        self._answers = self._child.stdout
        self._watchdog = threading.Thread(
            target=self._watch, name="vseg-watchdog", daemon=True
        )
        self._watchdog.start()
        self._send(order.line())

    @property
    def dropped(self) -> int:
        """Images that newer ones took the place of; the newest may still be taken."""
        left = self.arrived - self.given
        return left - self.has_next if self._order.drop else 0

    @property
    def lasted_s(self) -> float:
        """Seconds from its first image to its newest."""
        return 0.0 if self.first_s is None else (self.newest_s or 0.0) - self.first_s

    @property
    def has_next(self) -> bool:
        """Whether there is an image to take."""
        return self._image is not None or self.arrived > self._passed

    def fetched(self) -> bool:
        """Whether the next image is here; it is asked for where one arrived."""
        if self._image is None and self.has_next:
            self._ask()
        return self._image is not None

    @property
    def keeps_last(self) -> bool:
        """Whether an image that is still here when it ends is to be given out: of a clip, and
        where none is dropped.
        """
        finite = self.described is not None and self.described.finite
        return self._image is not None and (finite or not self._order.drop)

    def take(self) -> Image | None:
        """The next image, if it is here."""
        image = self._image
        if image is None:
            return None
        self._image = None
        self._asked = False
        self.given += 1
        self._changed.notify_all()
        if not self._order.drop:  # the order is kept, so the next may come at once
            self._ask()
        return image

    def receive(self, on_news: Callable[[], None]) -> ConnectionEnd:
        """Take in what the process says until it ends, and why it did.

        on_news: called after every message, with `changed` held.
        """
        while (message := read_message(self._answers)) is not None:
            if isinstance(message, ConnectionEnd):
                return message
            self._deadline_s = time.monotonic() + self._order.timeout_s + _GRACE_S
            with self._changed:
                self._note(message)
                on_news()
                self._changed.notify_all()
        # The library gives up a little sooner, unless the machine is too busy to let it.
        silent = SILENT
        if self.described is not None:
            silent = f"no image came for {self._order.timeout_s:g} s"
        return ConnectionEnd(silent if self._silent else "the process that reads it died")

    def kill(self) -> None:
        """Make the process end, and `receive` with it."""
        self._child.kill()

    def close(self) -> None:
        """End the process; closing twice is harmless."""
        self._closed.set()
        self._child.kill()
        self._child.wait()
        self._watchdog.join()
        for pipe in (self._requests, self._answers):
            with suppress(OSError):
                pipe.close()

    def _ask(self) -> None:
        """Ask for the next image, once; of a process that is gone nothing comes."""
        if not self._asked:
            self._asked = True
            self._send(b"\n")

    def _note(self, message: Described | Tick | Image) -> None:
        match message:
            case Described():
                self.described = message
            case Tick(count, arrived_s):
                self.arrived = count
                self.first_s = arrived_s if self.first_s is None else self.first_s
                self.newest_s = arrived_s
            case Image(number):
                self._image = message
                self._passed = number + 1

    def _send(self, line: bytes) -> None:
        with suppress(OSError, ValueError):
            self._requests.write(line)
            self._requests.flush()

    def _watch(self) -> None:
        """The watchdog: end the process when its next image is overdue."""
        while not self._closed.is_set():
            left_s = self._deadline_s - time.monotonic()
            if left_s <= 0:
                self._silent = True
                self._child.kill()
                return
            self._closed.wait(left_s)
