"""What many routes take: the service, the caller, ids, an idempotency key."""

from typing import Annotated, Any

from fastapi import Depends, Header, Path, Query

from vseg.server.problem import MEDIA_TYPE
from vseg.server.security.access import Caller
from vseg.server.service import Service, request_caller, request_service
from vseg.server.storage.ids import PATTERN

TheService = Annotated[Service, Depends(request_service)]
TheCaller = Annotated[Caller, Depends(request_caller)]
VideoPath = Annotated[str, Path(alias="video_id", pattern=PATTERN)]
RunPath = Annotated[str, Path(alias="run_id", pattern=PATTERN)]
SessionPath = Annotated[str, Path(alias="session_id", pattern="^[0-9a-f]{16}$")]
JobPath = Annotated[str, Path(alias="job_id", pattern="^[0-9a-f]{16}$")]
After = Annotated[str, Query(max_length=4096, description="`next` of the page before")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=128,
        description="sent again with the same key, the request does nothing twice",
    ),
]


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    """What the schema says of a route's refusals."""
    every = {400, 401, 403, 422, 429, *codes}
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        code: {"content": {MEDIA_TYPE: schema}, "description": "Refused"}
        for code in sorted(every)
    }
