"""The protocol of whoever is told of scene events, and several of them as one.

A sink that fails must not end the watching: `EventSinks` goes on with the others, says once
that one fails and once that it works again, and offers it the next event.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from vseg.errors import VsegError
from vseg.events.scene_event import SceneEvent


@runtime_checkable
class EventSink(Protocol):
    """Takes events one by one, and does not keep the caller waiting for a network."""

    def send(self, event: SceneEvent) -> None:
        """Take an event.  Raises VsegError if it is lost."""
        ...

    def close(self) -> None:
        """Deliver what is still on its way, for a bounded time."""
        ...


class EventSinks:
    """Every event to every sink; itself an `EventSink` that raises nothing.

    note: is told in words when a sink begins to fail, and when it works again.
    """

    def __init__(self, sinks: Sequence[EventSink], note: Callable[[str], None]) -> None:
        self._sinks = tuple(sinks)
        self._note = note
        self._lost = [0] * len(self._sinks)

    def send(self, event: SceneEvent) -> None:
        """Offer an event to all."""
        for place, sink in enumerate(self._sinks):
            try:
                sink.send(event)
            except VsegError as error:
                if not self._lost[place]:
                    self._note(f"events are lost: {error}")
                self._lost[place] += 1
                continue
            if self._lost[place]:
                self._note(f"events are written again; {self._lost[place]} were lost")
            self._lost[place] = 0

    def close(self) -> None:
        """Close all, also after one that cannot be closed."""
        for sink in self._sinks:
            try:
                sink.close()
            except VsegError as error:
                self._note(str(error))
