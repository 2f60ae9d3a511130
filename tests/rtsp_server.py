"""An RTSP server on this machine, in a process of its own: killed, stopped, and started again
with another clip under the same address.
"""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

SERVE = """
import asyncio, sys
import aio_rtsp_toolkit.server as server
asyncio.run(server.serve(sys.argv[1], "127.0.0.1", int(sys.argv[2])))
"""


def free_tcp_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RtspServer:
    """Serves the clips of a folder; `address` is that of `clip.mp4` in it."""

    def __init__(self, folder: Path) -> None:
        self.port = free_tcp_port()
        self.address = f"rtsp://127.0.0.1:{self.port}/clip.mp4"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "RtspServer":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self) -> float:
        """Start it; when it took connections (`time.monotonic`)."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(self._folder), str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end_s = time.monotonic() + 60
        while time.monotonic() < end_s:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return time.monotonic()
        raise TimeoutError("the server does not start")

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Let it do nothing, with its connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> float:
        """Let it go on; when it did."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
        return time.monotonic()
