"""Text that is no text: half of a surrogate pair, which JSON can spell and UTF-8 cannot.

It could neither be stored nor be said in an answer, so it is refused before any route.
"""

import json
import re

from fastapi import Request

from vseg.errors import UsageError

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


async def check_text(request: Request) -> None:
    """Raise UsageError for a JSON body with a lone surrogate; a dependency of every route."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        return
    body = await request.body()
    if _SURROGATE.search(body) is None:
        return
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            "a text holds half of a character (a lone surrogate)",
            hint="send it as UTF-8, or as both halves",
        ) from error
