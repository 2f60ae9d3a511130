"""Jobs: long work that goes on without its client."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Body
from fastapi.responses import FileResponse, StreamingResponse

from vseg.client.values import JobFacts, JobList, JobRequest
from vseg.errors import NotThere
from vseg.server.problem import problem_of
from vseg.server.routes.event_stream import EVENTS, event
from vseg.server.routes.parameters import (
    IdempotencyKey,
    JobPath,
    TheCaller,
    TheService,
    problems,
)
from vseg.server.security.access import Caller
from vseg.server.service import Service

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
_EVENT_S = 0.5
"""Between two events of a job that goes on; a person sees no more."""


@router.get("", responses=problems())
def list_jobs(service: TheService, caller: TheCaller) -> JobList:
    """The jobs of this key, newest first."""
    return JobList(jobs=service.jobs.listed(caller))


@router.post("", status_code=202, responses=problems(404, 409, 413))
def create_job(
    asked: Annotated[JobRequest, Body()],
    service: TheService,
    caller: TheCaller,
    key: IdempotencyKey = None,
) -> JobFacts:
    """Track a clip into a run under ROOT/runs, or export a run.

    A job goes on after the service was stopped or killed, from its last commit.
    """
    return service.jobs.create(caller, asked, key)


@router.get("/{job_id}", responses=problems(404))
def read_job(job_id: JobPath, service: TheService, caller: TheCaller) -> JobFacts:
    """How far a job is."""
    return service.jobs.facts(caller, job_id)


@router.delete("/{job_id}", responses=problems(404))
def cancel_job(job_id: JobPath, service: TheService, caller: TheCaller) -> JobFacts:
    """Cancel a job; forget one that has ended, with what it exported.  Runs stay."""
    return service.jobs.cancel(caller, job_id)


@router.get("/{job_id}/file", response_class=FileResponse, responses=problems(404))
def read_file(job_id: JobPath, service: TheService, caller: TheCaller) -> FileResponse:
    """What an export gave: a file, or a zip of a folder."""
    path = service.jobs.file(caller, job_id)
    return FileResponse(path, filename=path.name, media_type="application/octet-stream")


@router.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    responses=problems(404)
    | {
        200: {
            "content": {EVENTS: {}},
            "description": "Events `job` (JobFacts), until the job has ended",
        }
    },
)
def follow_job(job_id: JobPath, service: TheService, caller: TheCaller) -> StreamingResponse:
    """The job each time something changes, until it has ended."""
    service.jobs.facts(caller, job_id)
    return StreamingResponse(_progress(service, caller, job_id), media_type=EVENTS)


async def _progress(service: Service, caller: Caller, job_id: str) -> AsyncIterator[bytes]:
    last = None
    while last is None or last.status in ("queued", "running"):
        try:
            facts = service.jobs.facts(caller, job_id)
        except NotThere as error:  # deleted meanwhile
            yield event("error", problem_of(error))
            return
        if facts != last:
            yield event("job", facts)
        last = facts
        await asyncio.sleep(_EVENT_S)
