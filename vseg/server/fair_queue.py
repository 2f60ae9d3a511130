"""A queue over clients: each gets its turn, however much another one has put in.

Enters: items, each of a client.  Leaves: one item at a time, the clients in rotation, and
those of one client in the order they came (round robin: Nagle, RFC 970).
"""

import threading
from collections import OrderedDict, deque
from typing import Generic, TypeVar

from vseg.errors import TooMany

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """A blocking queue of at most `waiting` items of each client."""

    def __init__(self, waiting: int) -> None:
        self._waiting = waiting
        self._lines: OrderedDict[str, deque[Item]] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, client: str, item: Item) -> None:
        """Add an item of a client.  Raises TooMany if it has as many waiting as it may."""
        with self._changed:
            line = self._lines.setdefault(client, deque())
            if len(line) >= self._waiting:
                raise TooMany(
                    f"{len(line)} requests of this key wait already",
                    hint="wait for some of them",
                    retry_after_s=1,
                )
            line.append(item)
            self._changed.notify()

    def get(self) -> Item | None:
        """The next item, waited for; None once the queue is closed."""
        with self._changed:
            while not self._lines and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            client, line = self._lines.popitem(last=False)
            item = line.popleft()
            if line:
                # To the end of the rotation, behind every other client that waits.
                self._lines[client] = line
            return item

    def remove(self, client: str, item: Item) -> bool:
        """Take an item out again; whether it was still waiting."""
        with self._changed:
            line = self._lines.get(client)
            if line is None or item not in line:
                return False
            line.remove(item)
            if not line:
                del self._lines[client]
            return True

    def close(self) -> None:
        """Let every `get` end; what waits is dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        """How many items wait, of all clients."""
        with self._changed:
            return sum(len(line) for line in self._lines.values())
