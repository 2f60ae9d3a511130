"""Whether the service lives, and whether it can work."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from vseg.server.service import Service, request_service

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """ok, or what is missing."""

    status: str


@router.get("/healthz")
def alive() -> Health:
    """The process answers."""
    return Health(status="ok")


@router.get("/readyz", responses={503: {"description": "Not yet, or not any more"}})
def ready(service: Annotated[Service, Depends(request_service)], response: Response) -> Health:
    """The root can be read and the device's worker runs."""
    if not service.root.is_dir():
        response.status_code = 503
        return Health(status="the root is not there")
    if not service.worker.alive:
        response.status_code = 503
        return Health(status="the device's worker has ended")
    return Health(status="ok")
