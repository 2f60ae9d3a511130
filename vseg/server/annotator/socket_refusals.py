"""Errors as the socket tells them: the same sentences as on the command line."""

from pydantic import ValidationError

from vseg.errors import OutputError, VsegError
from vseg.server.annotator.messages import Refusal


def refusal_of(error: Exception) -> Refusal:
    """What a client is told of an error; of an unexpected one nothing that tells of the
    server.
    """
    if isinstance(error, VsegError):
        return Refusal(title=type(error).__name__, detail=error.message, hint=error.hint)
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        detail = f"{place}: {first['msg']}" if place else first["msg"]
        return Refusal(title="BadMessage", detail=detail, hint=HINT)
    if isinstance(error, OSError):
        return Refusal(
            title="OutputError",
            detail=f"the system refused: {error.strerror or type(error).__name__}",
            hint=OutputError.usual_hint,
        )
    return Refusal(
        title="InternalError",
        detail="the service failed on this request",
        hint="its log says why",
    )


HINT = "docs/annotate.md lists the messages; each is one JSON object with id and type"
