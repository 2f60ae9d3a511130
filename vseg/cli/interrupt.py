"""Signals as requests: by Ctrl-C or SIGTERM the frame at hand is finished and committed, and a
second one stops at once; before the first frame the first one does.  By SIGHUP settings are
read anew.
"""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt, as Ctrl-C does: what is open is closed, and the
    command ends with its own exit code.

    Only the main thread of a program can listen to signals; elsewhere nothing is changed.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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


@contextmanager
def reload_on_request() -> Iterator[Callable[[], bool]]:
    """A test for whether the system (by SIGHUP) asked to read settings anew since the test was
    last made.

    Only the main thread of a program can listen to signals; elsewhere, and where there is no
    such signal, the test is never true.
    """
    asked = threading.Event()

    def asked_again() -> bool:
        again = asked.is_set()
        asked.clear()
        return again

    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None or threading.current_thread() is not threading.main_thread():
        yield asked_again
        return
    before = signal.signal(hangup, lambda number, frame: asked.set())
    try:
        yield asked_again
    finally:
        signal.signal(hangup, before)
