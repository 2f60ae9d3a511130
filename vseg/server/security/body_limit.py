"""How much a request may send, counted as it comes.

FastAPI's own limit answers in plain text, before any header of ours is set.
"""

import re
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vseg.errors import TooLarge
from vseg.server.problem import problem_response

_UPLOADS = re.compile(
    r"/v1/videos|/v1/annotations/[0-9a-f]+/import|/x-anylabeling/v1/video/init"
)
"""Posts that count their own bytes, which may be many more."""


class BodyLimit:
    """A middleware: bodies of at most `most` bytes."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_upload(scope):
            await self._app(scope, receive, send)
            return
        stated = Headers(scope=scope).get("content-length", "0")
        if not stated.isdecimal() or int(stated) > self._most:
            error = TooLarge(self._sentence, hint="send it in parts")
            await problem_response(error)(scope, receive, send)
            return
        size = 0

        async def counting() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._most:
                # The one kind of error that the reader of bodies lets through.
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._sentence)
            return message

        await self._app(scope, counting, send)

    @property
    def _sentence(self) -> str:
        return f"a request may have {self._most} bytes"


def _is_upload(scope: Scope) -> bool:
    return scope["method"] == "POST" and _UPLOADS.fullmatch(scope["path"]) is not None
