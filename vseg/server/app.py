"""The application: routers and what stands before them; no logic of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from operator import attrgetter

from fastapi import APIRouter, Depends, FastAPI
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig
from starlette.middleware import Middleware

from vseg import __version__
from vseg.server.annotator import annotation_routes, socket
from vseg.server.annotator.open_clips import OpenClips
from vseg.server.plugins import label_studio, x_anylabeling
from vseg.server.problem import add_problem_handlers
from vseg.server.routes import (
    frame_images,
    health,
    job_routes,
    metrics,
    pages,
    run_routes,
    session_routes,
    video_routes,
)
from vseg.server.security.access import AccessMiddleware
from vseg.server.security.body_limit import BodyLimit
from vseg.server.security.headers import SecurityHeaders
from vseg.server.security.keys import KeyRing
from vseg.server.security.whole_text import check_text
from vseg.server.service import Service, open_service
from vseg.server.settings import PlugName, ServerSettings
from vseg.weights.heap import trim_heaps

# FastAPI would send spans and logs to whatever collector the process has.
_SILENT: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}
# What needs a key is decided by AccessMiddleware; this says so in the schema.
_BEARER = HTTPBearer(auto_error=False, description="a key of the service")
_PUBLIC_ROUTES = (pages, health)
_ROUTES = (
    video_routes,
    frame_images,
    session_routes,
    run_routes,
    job_routes,
    metrics,
    annotation_routes,
)
_PLUGS: dict[PlugName, APIRouter] = {
    "x-anylabeling": x_anylabeling.router,
    "label-studio": label_studio.router,
}
_EVICT_EVERY_S = 10.0


def create_app(settings: ServerSettings, keys: KeyRing) -> FastAPI:
    """The application of a service.  Raises what `open_service` raises."""
    service = open_service(settings, keys)
    measured = metrics.Metrics(service)
    app = FastAPI(
        title="vseg",
        version=__version__,
        summary="Promptable video object segmentation and tracking.",
        # The pages of the documentation load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        lifespan=_lifespan,
        generate_unique_id_function=attrgetter("name"),
        telemetry=_SILENT,
        middleware=[
            Middleware(SecurityHeaders, frame_ancestors=settings.frame_ancestors),
            Middleware(metrics.MetricsMiddleware, metrics=measured),
            Middleware(AccessMiddleware, doorkeeper=service.doorkeeper),
            Middleware(BodyLimit, most=settings.limits.body_bytes),
        ],
    )
    app.state.service = service
    app.state.metrics = measured
    app.state.clips = OpenClips(service)
    app.state.label_studio = label_studio.LabelStudio(service)
    add_problem_handlers(app)
    for module in _PUBLIC_ROUTES:
        app.include_router(module.router, dependencies=[Depends(check_text)])
    for module in _ROUTES:
        app.include_router(module.router, dependencies=[Depends(_BEARER), Depends(check_text)])
    for plug in settings.plugs:
        app.include_router(_PLUGS[plug], dependencies=[Depends(_BEARER)])
    # These dependencies ask for a request, which a socket is not.
    app.include_router(socket.router)
    app.mount("/static", StaticFiles(directory=pages.PAGES, check_dir=False))
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service = app.state.service
    assert isinstance(service, Service)
    service.start()
    evicting = asyncio.create_task(_evict(service))
    yield
    evicting.cancel()
    await app.state.clips.close()
    await asyncio.to_thread(service.close)


async def _evict(service: Service) -> None:
    """Now and then, drop from memory the sessions that nobody uses, and what they leave."""
    while True:
        await asyncio.sleep(_EVICT_EVERY_S)
        await service.worker.run("service", service.sessions.evict)
        await asyncio.to_thread(trim_heaps)
