"""Who has a clip open: their streams of events, what each is shown, and who writes.

Enters: clients that come and go, events and masks.  Leaves: for each client a queue of what is
to be sent.  A client that comes back gets the events that it missed, as long as they are kept.
All of it belongs to the event loop: other threads hand over by `call_soon_threadsafe`.
"""

import asyncio
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from vseg.server.annotator.desk_events import Event, LeaseEvent, ProgressEvent
from vseg.server.annotator.mask_message import MaskFlag, ShownMask
from vseg.server.annotator.wire_values import LeaseState

KEPT_EVENTS = 256
"""Events of a client that are kept for its return: some minutes of work."""
KEPT_STREAMS = 16
"""Clients that have gone and may come back."""
MOST_WAITING = 2048
"""Messages that wait for a slow client; then it is sent away, and may come back."""
MOST_MASKS = 256
"""Masks of frames that are not shown any more are dropped where so much waits."""


@dataclass(slots=True, eq=False)
class PageClient:
    """One connection.  stream: what it says when it comes back.  seq: of the last event.
    frame: that it shows.  outbox: what is to be sent; None closes the connection.
    """

    stream: str
    may_write: bool
    seq: int = 0
    frame: int | None = None
    kept: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=KEPT_EVENTS))
    outbox: asyncio.Queue[str | ShownMask | None] = field(
        default_factory=lambda: asyncio.Queue(MOST_WAITING)
    )

    def send(self, message: str | ShownMask | None) -> None:
        """Have it sent; a client for which too much waits is closed."""
        if self.outbox.full():
            while not self.outbox.empty():
                self.outbox.get_nowait()
            message = None
        self.outbox.put_nowait(message)

    def note(self, event: Callable[[int], Event]) -> str:
        """The next event as text; all but progress are kept."""
        self.seq += 1
        made = event(self.seq)
        text = made.model_dump_json()
        if not isinstance(made, ProgressEvent):
            self.kept.append((self.seq, text))
        return text

    def missed(self, last_seq: int) -> list[str] | None:
        """The events after `last_seq`; None if they are not kept any more."""
        if last_seq > self.seq or (
            self.kept.maxlen == len(self.kept) and (last_seq < self.kept[0][0] - 1)
        ):
            return None
        return [text for seq, text in self.kept if seq > last_seq]


class Clients:
    """The clients of one clip."""

    def __init__(self) -> None:
        self._here: dict[str, PageClient] = {}
        self._gone: OrderedDict[str, PageClient] = OrderedDict()
        self._writer: str | None = None

    def __len__(self) -> int:
        return len(self._here)

    def join(
        self, may_write: bool, stream: str | None, last_seq: int | None
    ) -> tuple[PageClient, list[str] | None]:
        """A client, and the events that it missed; None if it needs the whole state."""
        before = self._here.pop(stream or "", None) or self._gone.pop(stream or "", None)
        fresh = PageClient(secrets.token_urlsafe(12), may_write)
        missed = None
        if before is not None and last_seq is not None:
            missed = before.missed(last_seq)
        if before is not None:
            before.send(None)  # the connection that it had, if it is half open still
            fresh.stream = before.stream
            fresh.seq = before.seq
            fresh.kept = before.kept
        self._here[fresh.stream] = fresh
        return fresh, missed

    def leave(self, client: PageClient) -> None:
        """Let a client go; where it wrote, nobody does."""
        if self._here.get(client.stream) is not client:
            return
        del self._here[client.stream]
        self._gone[client.stream] = client
        while len(self._gone) > KEPT_STREAMS:
            self._gone.popitem(last=False)
        if self._writer == client.stream:
            self._writer = None
        self.tell_lease()

    def writes(self, client: PageClient) -> bool:
        """Whether this client holds the lease."""
        return self._writer == client.stream

    def take_lease(self, client: PageClient, *, over: bool) -> bool:
        """Let a client write: if nobody does, or in place of who does.  Whether it may."""
        free = self._writer is None or self._writer not in self._here or over
        if client.may_write and free:
            self._writer = client.stream
        return self.writes(client)

    def lease_of(self, client: PageClient) -> LeaseState:
        """The lease, as this client is told."""
        return LeaseState(
            mode="write" if self.writes(client) else "watch",
            held=self._writer in self._here,
            watchers=len(self._here) - 1,
        )

    def tell_lease(self) -> None:
        """Tell everybody who writes now."""
        for client in self._here.values():
            lease = self.lease_of(client)
            client.send(client.note(partial(_lease_event, lease)))

    def broadcast(self, event: Callable[[int], Event]) -> None:
        """Tell everybody, and keep it for those who may come back."""
        for client in self._here.values():
            client.send(client.note(event))
        for client in self._gone.values():
            client.note(event)

    def frames_shown(self) -> set[int]:
        """The frames that clients show."""
        return {client.frame for client in self._here.values() if client.frame is not None}

    def show(self, masks: Iterable[ShownMask]) -> None:
        """Send masks to those who show their frame."""
        for shown in masks:
            for client in self._here.values():
                if client.frame == shown.frame and not _skips(client, shown):
                    client.send(shown)

    def close(self) -> None:
        """End all connections."""
        for client in self._here.values():
            client.send(None)


def _lease_event(lease: LeaseState, seq: int) -> LeaseEvent:
    return LeaseEvent(seq=seq, lease=lease)


def _skips(client: PageClient, shown: ShownMask) -> bool:
    """Whether a slow client is spared a mask that the next one replaces."""
    return bool(shown.flags & MaskFlag.TRANSIENT) and client.outbox.qsize() > MOST_MASKS
