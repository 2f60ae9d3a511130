"""Connections whose client sends no whole request in time are closed: a byte now and then
would hold each of them for ever, and a process has some thousand.

Enters: the bytes of a connection.  Leaves: what uvicorn makes of them, in time.  This is
before any key is asked for.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 20.0
"""From the first byte to the last of a request's head: what Apache gives (mod_reqtimeout)."""


class TimedProtocol(H11Protocol):
    """HTTP with a time by which a request must have come.  Between two requests uvicorn closes
    by itself what is idle, but not where anything is sent.
    """

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._come()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; the time goes on until a request is answered.  What comes of the body of
        one that was refused already is part of no request.
        """
        super().data_received(data)
        if self.transport.get_protocol() is not self:
            return  # it is a socket of the page now
        if self.cycle is None or self.cycle.response_complete:
            self._wait()
        else:
            self._come()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Wait no more: the head has come."""
        self._come()
        super().handle_websocket_upgrade(event)

    def _wait(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(HEAD_S, self.transport.close)

    def _come(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
