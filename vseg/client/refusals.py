"""What the service answers other than asked: as the error that the library itself raises.

Enters: a response, or why there is none.  Leaves: an error with the service's own sentences.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from pydantic import ValidationError

from vseg import errors
from vseg.client.values import Problem
from vseg.errors import NotAllowed, ServiceError, TooMany, VsegError


def error_of(response: httpx2.Response) -> VsegError:
    """The error of a refusal whose content was read."""
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        return ServiceError(
            f"{response.url} answered {response.status_code}, and not as vseg does",
            hint="check the address",
        )
    if problem.status == 429:
        wait = response.headers.get("retry-after", "1")
        retry_after_s = int(wait) if wait.isdecimal() else 1
        return TooMany(problem.detail, hint=problem.hint, retry_after_s=retry_after_s)
    return error_of_problem(problem)


def error_of_problem(problem: Problem) -> VsegError:
    """The error that the service met, by its name."""
    if problem.title == NotAllowed.__name__:
        return NotAllowed(problem.detail, hint=problem.hint, known=problem.status == 403)
    kind = getattr(errors, problem.title, None)
    # Of those that are made of sentences alone.
    if not (isinstance(kind, type) and issubclass(kind, VsegError)) or "__init__" in vars(
        kind
    ):
        kind = ServiceError
    return kind(problem.detail, hint=problem.hint)


def accepted(response: httpx2.Response) -> httpx2.Response:
    """The response, unless it is a refusal: then its error is raised."""
    if response.is_error:
        raise error_of(response)
    return response


@contextmanager
def reached() -> Iterator[None]:
    """A block that speaks to the service.  Raises ServiceError where it cannot."""
    try:
        yield
    except httpx2.HTTPError as error:
        raise ServiceError(
            f"the service cannot be reached: {error}",
            hint="check the address, and that `vseg serve` runs",
        ) from error
