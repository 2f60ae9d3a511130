"""The application: routers and what stands before them; no logic of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig
from starlette.middleware import Middleware

from vseg import __version__
from vseg.server.problem import add_problem_handlers
from vseg.server.routes import frame_images, health, pages
from vseg.server.security.access import AccessMiddleware
from vseg.server.security.headers import SecurityHeaders
from vseg.server.security.keys import KeyRing
from vseg.server.service import Service, open_service
from vseg.server.settings import ServerSettings

# FastAPI would send spans and logs to whatever collector the process has.
_SILENT: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}


def create_app(settings: ServerSettings, keys: KeyRing) -> FastAPI:
    """The application of a service.  Raises what `open_service` raises."""
    service = open_service(settings, keys)
    app = FastAPI(
        title="vseg",
        version=__version__,
        summary="Promptable video object segmentation and tracking.",
        # The pages of the documentation load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        lifespan=_lifespan,
        max_body_size=settings.limits.body_bytes,
        telemetry=_SILENT,
        middleware=[
            Middleware(SecurityHeaders, frame_ancestors=settings.frame_ancestors),
            Middleware(AccessMiddleware, doorkeeper=service.doorkeeper),
        ],
    )
    app.state.service = service
    add_problem_handlers(app)
    for router in (pages.router, health.router, frame_images.router):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=pages.PAGES, check_dir=False))
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service = app.state.service
    assert isinstance(service, Service)
    yield
    service.close()
