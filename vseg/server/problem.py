"""Errors as problem+json (RFC 9457): the same sentences as on the command line.

Enters: a VsegError, or what the framework refused.  Leaves: a response with `type`, `title`,
`status`, `detail` and `hint`.  What nobody expected is logged, and answered without details.
"""

import logging
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import compile_path

from vseg.client.values import Problem
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


def problem_of(error: VsegError, root: Path | None = None) -> Problem:
    """A typed error as it goes over the wire.  root: its place on this machine is nobody's
    concern, so paths are told relative to it.
    """
    status = status_of(error)
    title = type(error).__name__
    return Problem(
        type=_type(title),
        title=title,
        status=int(status),
        detail=_relative(error.message, root),
        hint=_relative(error.hint, root),
    )


def unexpected_problem() -> Problem:
    """What is said of an error that nobody expected."""
    return Problem(
        type=_type("InternalError"),
        title="InternalError",
        status=500,
        detail="the service failed on this request",
        hint="its log says why",
    )


def problem_response(error: VsegError, root: Path | None = None) -> JSONResponse:
    """The response to a typed error."""
    headers = {}
    if isinstance(error, TooMany):
        headers["Retry-After"] = str(error.retry_after_s)
    if status_of(error) is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return _response(problem_of(error, root), headers)


def add_problem_handlers(app: FastAPI) -> None:
    """Have every error of the app answered as problem+json."""
    app.add_exception_handler(VsegError, _typed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected)


def _typed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, VsegError)
    return problem_response(error, request.app.state.service.root)


def _invalid(_: Request, error: Exception) -> JSONResponse:
    """The first thing that does not fit the schema, and where."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return _response(
        Problem(
            type=_type("BadRequest"),
            title="BadRequest",
            status=422,
            detail=f"{place}: {first['msg']}",
            hint="GET /v1/openapi.json says what the request takes",
        )
    )


def _refused(request: Request, error: Exception) -> JSONResponse:
    """What the framework itself refuses: no such path, no such method, a body too large."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        # The framework names those of the first route of the path only.
        headers |= _allowed(request.app, request.scope["path"])
    said = Problem(
        type=_type(status.phrase),
        title=status.phrase,
        status=int(status),
        detail=str(error.detail),
        hint="GET /v1/openapi.json lists the paths and their methods",
    )
    return _response(said, headers)


def _allowed(app: FastAPI, path: str) -> dict[str, str]:
    """The header that names every method of a path; none for one that is not in the schema."""
    methods = {
        method.upper()
        for template, operations in app.openapi()["paths"].items()
        if compile_path(template)[0].match(path)
        for method in operations
    }
    return {"Allow": ", ".join(sorted(methods))} if methods else {}


def _gone(_: Request, error: Exception) -> JSONResponse:
    """Nobody reads this: who sent the request has gone before its end."""
    return _response(
        Problem(
            type=_type("BadRequest"),
            title="BadRequest",
            status=400,
            detail="the connection ended within the request",
            hint="send the request again",
        )
    )


def _unexpected(_: Request, error: Exception) -> JSONResponse:
    _LOG.error("a request failed", exc_info=error)
    return _response(unexpected_problem())


def _response(said: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(said.model_dump(), said.status, headers, media_type=MEDIA_TYPE)


def _type(title: str) -> str:
    return f"urn:vseg:problem:{title.replace(' ', '')}"


def _relative(text: str, root: Path | None) -> str:
    """The text without the place of the root on this machine."""
    return text if root is None else text.replace(f"{root}/", "").replace(str(root), ".")
