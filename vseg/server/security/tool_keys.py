"""The key of a request as other annotation tools send it, below the paths of their plugs only.

Enters: a path and headers.  Leaves: a token.
"""

from starlette.datastructures import Headers

X_ANYLABELING = "/x-anylabeling"


def tool_token(path: str, headers: Headers) -> str | None:
    """The token that a tool sent; None where it sent none, or a bearer as any client."""
    if path.startswith(f"{X_ANYLABELING}/"):
        return headers.get("token") or None
    return None
