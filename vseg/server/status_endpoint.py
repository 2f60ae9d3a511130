"""A port that says how a process does: JSON, Prometheus' text, and a check of its health.

Only the standard library is used, so that watching needs no extra.  It answers GET requests,
reads nothing from them but the path, and says nothing that is secret.
"""

import json
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from vseg.errors import UsageError
from vseg.interfaces.closing import Closing

Report = Callable[[], Mapping[str, Any]]
_TEXT = "text/plain; version=0.0.4; charset=utf-8"
# A client that sends nothing must not keep a thread for good.
_REQUEST_S = 10.0


class StatusEndpoint(Closing):
    """Serves a report at /status, as metrics at /metrics, and at /healthz whether all is well.

    address: HOST:PORT, or a port of this machine alone.  report: called for each request.
    metrics: the report as text.  healthy: judges it.  Raises UsageError for an address that
    cannot be listened on.
    """

    def __init__(
        self,
        address: str,
        report: Report,
        metrics: Callable[[Mapping[str, Any]], str],
        healthy: Callable[[Mapping[str, Any]], bool],
    ) -> None:
        class Answering(BaseHTTPRequestHandler):
            timeout = _REQUEST_S

            def do_GET(self) -> None:
                status, kind, text = _answer(self.path, report, metrics, healthy)
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: a line for each scrape would fill the log."""

        host, port = _parsed(address)
        try:
            self._server = ThreadingHTTPServer((host, port), Answering)
        except OSError as error:
            raise UsageError(
                f"--status {address}: cannot listen there: {error.strerror}",
                hint="give another port, or the address of this machine",
            ) from error
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="vseg-status", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening; closing twice is harmless."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _answer(
    path: str,
    report: Report,
    metrics: Callable[[Mapping[str, Any]], str],
    healthy: Callable[[Mapping[str, Any]], bool],
) -> tuple[HTTPStatus, str, str]:
    """Status, kind and text of the answer to a path."""
    page = path.partition("?")[0]
    if page in ("/", "/status"):
        return HTTPStatus.OK, "application/json", json.dumps(report(), indent=2)
    if page == "/metrics":
        return HTTPStatus.OK, _TEXT, metrics(report())
    if page == "/healthz":
        well = healthy(report())
        status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
        return status, _TEXT, "ok\n" if well else "stuck\n"
    return HTTPStatus.NOT_FOUND, _TEXT, "/status, /metrics or /healthz\n"


def _parsed(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise UsageError(
            f"--status {address!r} is no HOST:PORT", hint="for example --status 127.0.0.1:9090"
        )
    return host.strip("[]") or "127.0.0.1", int(port)
