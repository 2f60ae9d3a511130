"""What Prometheus reads.

Enters: requests as they pass by.  Leaves: how many there were and how long they took, by route
(never by path, which names clips), and what the service holds now.
"""

import time

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vseg.server.routes.parameters import problems
from vseg.server.service import Service

router = APIRouter(tags=["health"])
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The metrics of one service."""

    def __init__(self, service: Service) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "vseg_requests",
            "Requests answered",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "vseg_request_seconds",
            "Time until the answer began",
            ("route",),
            registry=self.registry,
        )
        for name, what, read in (
            ("vseg_sessions", "Sessions", lambda: service.sessions.counts[0]),
            ("vseg_sessions_loaded", "Sessions in memory", lambda: service.sessions.counts[1]),
            ("vseg_jobs_queued", "Jobs that wait", lambda: service.jobs.counts[0]),
            ("vseg_jobs_running", "Jobs that run", lambda: service.jobs.counts[1]),
            ("vseg_device_waiting", "Turns waited for", lambda: service.worker.waiting),
        ):
            Gauge(name, what, registry=self.registry).set_function(read)


class MetricsMiddleware:
    """Counts every answer."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Known only now: the router has chosen it.
                route = getattr(scope.get("route"), "path", "none")
                method = scope["method"] if scope["method"] in _METHODS else "other"
                labels = method, route, str(message["status"])
                self._metrics.requests.labels(*labels).inc()
                self._metrics.seconds.labels(route).observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, counting)


@router.get(
    "/metrics",
    response_class=Response,
    responses=problems()
    | {200: {"content": {"text/plain": {}}, "description": "Prometheus' text format"}},
)
def metrics(request: Request) -> Response:
    """How many requests, sessions and jobs there are, for Prometheus."""
    registry = request.app.state.metrics.registry
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
