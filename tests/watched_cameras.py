"""A camera that is watched, the processes that read one, and a server of one answer."""

import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vseg.interfaces.live_source import ConnectionChange, LiveSource
from vseg.types import Frame
from vseg.video.camera import LiveOptions

QUICK = LiveOptions(timeout_s=1.5)
WAITING = LiveOptions(timeout_s=1.5, wait=True)
# Of the first frame after the server's return; a busy machine may take longer than the three
# seconds that an idle one keeps (benchmarks/live_kills.py).
RETURN_S = 40.0


def left_over() -> list[str]:
    """Threads of cameras, and processes that this one started and that read cameras."""
    ours = {"vseg-camera", "vseg-watchdog", "vseg-ahead"}
    names = [t.name for t in threading.enumerate() if t.name in ours]
    return names + [words for words, _ in reading()]


def reading() -> Iterator[tuple[str, str]]:
    """Arguments and environment of the processes that read a camera for this one."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text()
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if "live_child" in words and int(parent) == os.getpid():
                yield words, (folder / "environ").read_text()
        except OSError:  # it ended meanwhile
            continue


class Watching:
    """Takes frames of a source and notes what happens to its connection."""

    def __init__(self, live: LiveSource) -> None:
        self._live = live
        self.changes: list[ConnectionChange] = []

    def next(self, within_s: float = RETURN_S) -> Frame:
        end_s = time.monotonic() + within_s
        while time.monotonic() < end_s:
            frame = self._live.take(0.2)
            self.changes += self._live.changes()
            if frame is not None:
                return frame
        raise AssertionError(f"no frame within {within_s} s: {self.changes}")

    def until(self, state: str, within_s: float = RETURN_S) -> ConnectionChange:
        """Take frames until the connection is in this state."""
        end_s = time.monotonic() + within_s
        while time.monotonic() < end_s:
            self._live.take(0.05)
            self.changes += self._live.changes()
            if self.changes and self.changes[-1].state == state:
                return self.changes[-1]
        raise AssertionError(f"not {state} within {within_s} s: {self.changes}")


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A server that takes every connection and says always the same; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    while request := connection.recv(4096):
                        number = re.search(rb"CSeq: (\d+)", request)
                        connection.sendall(answer % number.groups() if number else answer)

        threading.Thread(target=serve, daemon=True).start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
