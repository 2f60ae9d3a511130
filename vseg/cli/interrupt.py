"""Ctrl-C as a request: the frame at hand is finished and committed; a second one stops at
once.
"""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_on_request() -> Iterator[Callable[[], bool]]:
    """A test for whether the user (or, by SIGTERM, the system) asked to stop.

    Only the main thread of a program can listen to signals; elsewhere the test is never true.
    """
    asked = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        print(
            "stopping after this frame; once more stops at once", file=sys.stderr, flush=True
        )

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {
        number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
