"""Whether the service lives, and whether it can work."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from vseg.server.routes.parameters import TheService

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """ok, or what is missing."""

    status: str


@router.get("/healthz")
def alive() -> Health:
    """The process answers."""
    return Health(status="ok")


@router.get("/readyz", responses={503: {"description": "Not yet, or not any more"}})
def ready(service: TheService, response: Response) -> Health:
    """The root can be read and the device's worker runs."""
    if not service.root.is_dir():
        response.status_code = 503
        return Health(status="the root is not there")
    if not service.worker.alive:
        response.status_code = 503
        return Health(status="the device's worker has ended")
    return Health(status="ok")
