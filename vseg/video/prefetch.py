"""Decoding ahead of its consumer: an iterator in, the same items in the same order out.

A thread fills a bounded queue while the consumer works.  An error of the source arrives at the
place where it happened, after all items before it.  Leaving the block stops the thread and
waits for it.
"""

import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from vseg.errors import UsageError

Item = TypeVar("Item")


@contextmanager
def ahead(items: Iterable[Item], depth: int = 8) -> Iterator[Iterator[Item]]:
    """An iterator over `items` that reads up to `depth` of them before they are asked for.

    Use: `with ahead(video.frames(), depth=8) as frames: for frame in frames: ...`.  `items` is
    only touched by the thread, and closed there if it is a generator.  Raises UsageError for a
    depth below 1.
    """
    if depth < 1:
        raise UsageError(
            f"a queue of depth {depth} holds nothing", hint="use a depth of 1 or more"
        )
    queue = _Ahead(items, depth)
    try:
        yield queue
    finally:
        queue.stop()


class _Ahead(Generic[Item]):
    """The bounded queue between the thread that reads and the iterator that is consumed."""

    def __init__(self, items: Iterable[Item], depth: int) -> None:
        self._items = items
        self._depth = depth
        self._ready: deque[Item] = deque()
        self._error: BaseException | None = None
        self._ended = False
        self._stopped = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._fill, name="vseg-ahead", daemon=True)
        self._thread.start()

    def _fill(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._items:
                if not self._put(item):
                    break
            if isinstance(self._items, Generator):
                self._items.close()
        except BaseException as raised:  # handed to the consumer, who raises it
            error = raised
        with self._changed:
            self._error = error
            self._ended = True
            self._changed.notify_all()

    def _put(self, item: Item) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or len(self._ready) < self._depth)
            if self._stopped:
                return False
            self._ready.append(item)
            self._changed.notify_all()
        return True

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._ended or self._stopped)
            if self._ready and not self._stopped:
                self._changed.notify_all()
                return self._ready.popleft()
            error = self._error
            self._error = None
        if error is not None:
            raise error
        raise StopIteration

    def stop(self) -> None:
        """Let the thread end after the item it is reading, wait for it, and drop what was
        read.
        """
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join()
        self._ready.clear()
        self._error = None
