"""The key of a request as other annotation tools send it, below the paths of their plugs only.

Enters: a path and headers.  Leaves: a token.  X-AnyLabeling has a header of its own; Label
Studio knows a user and a password, of which the password is the key.
"""

import base64
import binascii

from starlette.datastructures import Headers

X_ANYLABELING = "/x-anylabeling"
LABEL_STUDIO = "/label-studio"


def tool_token(path: str, headers: Headers) -> str | None:
    """The token that a tool sent; None where it sent none, or a bearer as any client."""
    if path.startswith(f"{X_ANYLABELING}/"):
        return headers.get("token") or None
    kind, _, text = headers.get("authorization", "").partition(" ")
    if path.startswith(f"{LABEL_STUDIO}/") and kind.lower() == "basic":
        return _password(text)
    return None


def _password(text: str) -> str:
    """Of basic authentication (RFC 7617); text that is none of it is a wrong key."""
    try:
        pair = base64.b64decode(text.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""
    return pair.partition(":")[2]
