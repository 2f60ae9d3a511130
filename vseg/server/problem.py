"""Errors as problem+json (RFC 9457): the same sentences as on the command line.

Enters: a VsegError, or what the framework refused.  Leaves: a response with `type`, `title`,
`status`, `detail` and `hint`.  What nobody expected is logged, and answered without details.
"""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from vseg.errors import (
    BadRun,
    InTheWay,
    ModelError,
    NotAllowed,
    NotThere,
    OutputError,
    TooLarge,
    TooMany,
    UsageError,
    VsegError,
)

MEDIA_TYPE = "application/problem+json"
_LOG = logging.getLogger(__name__)
# The first class that an error is of decides; whatever else is wrong with an input is 422.
_STATUS: tuple[tuple[type[VsegError], HTTPStatus], ...] = (
    (NotThere, HTTPStatus.NOT_FOUND),
    (InTheWay, HTTPStatus.CONFLICT),
    (OutputError, HTTPStatus.CONFLICT),
    (BadRun, HTTPStatus.CONFLICT),
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (TooMany, HTTPStatus.TOO_MANY_REQUESTS),
    (UsageError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ModelError, HTTPStatus.SERVICE_UNAVAILABLE),
)


def status_of(error: VsegError) -> HTTPStatus:
    """The HTTP status of an error."""
    if isinstance(error, NotAllowed):
        return HTTPStatus.FORBIDDEN if error.known else HTTPStatus.UNAUTHORIZED
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return HTTPStatus.UNPROCESSABLE_ENTITY


def problem(error: VsegError) -> JSONResponse:
    """The response to a typed error."""
    status = status_of(error)
    headers = {}
    if isinstance(error, TooMany):
        headers["Retry-After"] = str(error.retry_after_s)
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return _response(status, type(error).__name__, error.message, error.hint, headers)


def add_problem_handlers(app: FastAPI) -> None:
    """Have every error of the app answered as problem+json."""
    app.add_exception_handler(VsegError, _typed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _unexpected)


def _typed(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, VsegError)
    return problem(error)


def _invalid(_: Request, error: Exception) -> JSONResponse:
    """The first thing that does not fit the schema, and where."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return _response(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "BadRequest",
        f"{place}: {first['msg']}",
        "GET /v1/openapi.json says what the request takes",
    )


def _refused(_: Request, error: Exception) -> JSONResponse:
    """What the framework itself refuses: no such path, no such method, a body too large."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    hint = "GET /v1/openapi.json lists the paths and their methods"
    return _response(status, status.phrase, str(error.detail), hint, dict(error.headers or {}))


def _unexpected(_: Request, error: Exception) -> JSONResponse:
    _LOG.error("a request failed", exc_info=error)
    return _response(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "InternalError",
        "the service failed on this request",
        "its log says why",
    )


def _response(
    status: HTTPStatus,
    title: str,
    detail: str,
    hint: str | None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    content: dict[str, Any] = {
        "type": f"urn:vseg:problem:{title.replace(' ', '')}",
        "title": title,
        "status": int(status),
        "detail": detail,
        "hint": hint,
    }
    return JSONResponse(content, status, headers, media_type=MEDIA_TYPE)
