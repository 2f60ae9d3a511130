"""Listens: the service on a port until it is interrupted.

Enters: settings and keys.  Leaves: a process that serves.  The socket is opened before
anything is printed, so that the address that is printed is the one that answers.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from vseg.errors import UsageError
from vseg.server.security.late_heads import TimedProtocol
from vseg.server.settings import ServerSettings

_HEADER_BYTES = 64 << 10
"""Of all headers of a request together; browsers send some kilobytes."""
_SOCKET_BYTES = 4 << 20
"""Of one message of a socket: a mask as run lengths is a tenth of it."""
_SHUTDOWN_S = 5
"""How long open requests may go on once the service was told to end."""


def serve(app: FastAPI, settings: ServerSettings, started: Callable[[str], None]) -> None:
    """Serve until interrupted, which is its way to end.  started: called with the address.
    Raises UsageError where the port cannot be had.
    """
    listening = open_socket(settings.host, settings.port)
    # Once all is closed, uvicorn raises the signal again that it was ended by.
    with suppress(KeyboardInterrupt):
        started(_address(settings, listening))
        uvicorn.Server(_config(app)).run(sockets=[listening])


class ServerThread:
    """The same on a thread, for a program that does other things."""

    def __init__(self, app: FastAPI, settings: ServerSettings) -> None:
        self._settings = settings
        self._server = uvicorn.Server(_config(app))
        self._thread: threading.Thread | None = None

    def start(self) -> str:
        """Serve from now on; the address.  Raises UsageError where the port cannot be had."""
        listening = open_socket(self._settings.host, self._settings.port)
        self._thread = threading.Thread(
            target=self._server.run, args=([listening],), name="vseg-server", daemon=True
        )
        self._thread.start()
        return _address(self._settings, listening)

    def close(self) -> None:
        """End it."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()


def _address(settings: ServerSettings, listening: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listening.getsockname()[1]}"


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=TimedProtocol,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=_HEADER_BYTES,
        ws_max_size=_SOCKET_BYTES,
        timeout_graceful_shutdown=_SHUTDOWN_S,
    )


def open_socket(host: str, port: int) -> socket.socket:
    """A socket that listens.  Raises UsageError where the port cannot be had.

    Its connections send what they are given at once.  asyncio sees to that only where a socket
    names its protocol, and those of create_server do not: the body of an answer would wait for
    the receipt of its head, 40 ms on Linux.
    """
    try:
        listening = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host}, port {port}: {error.strerror or error}",
            hint="take another port, --port 0 for any that is free",
        ) from error
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
