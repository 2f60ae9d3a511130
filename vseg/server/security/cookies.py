"""The browser's side of a key: a cookie that names it, signed.

Enters: a key.  Leaves: the cookie's value, and back.  The signature covers the key's own hash,
so that a cookie ends with its key.  The secret is kept with the state of the service: a
browser stays logged in when the service is started again.
"""

import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path

from vseg.errors import NotAllowed
from vseg.io.files import atomic_path
from vseg.server.security.keys import LOCAL, AccessKey, KeyRing

LIFETIME_S = 7 * 24 * 3600
"""A working week; after it, the link or the key is asked for again."""
_SECRET_BYTES = 32


class Cookies:
    """Cookies of one service.  name: its own, since cookies do not tell ports apart."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.name = f"vseg-{hashlib.sha256(secret).hexdigest()[:8]}"

    def issue(self, key: AccessKey) -> str:
        """The cookie of a key."""
        ends = int(time.time()) + LIFETIME_S
        return f"{key.id}.{ends}.{self._signature(key, ends)}"

    def key_of(self, value: str, keys: KeyRing) -> AccessKey:
        """The key of a cookie.  Raises NotAllowed."""
        key_id, _, rest = value.partition(".")
        ends, _, signature = rest.partition(".")
        if not ends.isdecimal() or len(ends) > 12:
            raise NotAllowed("the cookie cannot be read", hint=_HINT)
        key = keys.by_id(key_id)
        # As bytes: a signature that is not ASCII is a wrong one, not an error.
        genuine = self._signature(key, int(ends)).encode()
        if not hmac.compare_digest(genuine, signature.encode()):
            raise NotAllowed("the cookie is not genuine", hint=_HINT)
        if int(ends) <= time.time():
            raise NotAllowed("the login has expired", hint=_HINT)
        return key

    def _signature(self, key: AccessKey, ends: int) -> str:
        # The local key is another one at every start, and its owner the same.
        tied_to = "" if key.id == LOCAL else key.sha256
        text = f"{key.id}.{tied_to}.{ends}"
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()


_HINT = "open the link that the service printed when it started"


def stored_secret(path: Path) -> bytes:
    """The secret at `path`, made if there is none; only its owner can read it.  Raises
    OutputError.
    """
    if path.is_file():
        return path.read_bytes()
    with atomic_path(path) as part:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_SECRET_BYTES))
    return path.read_bytes()
