"""Requests that are sent again do nothing twice: what they make has its id from their key.

Enters: who asks, and the idempotency key.  Leaves: an id.  The same request finds what it made
before, also after the service was killed between making it and answering.
"""

import hashlib
import secrets

from vseg.errors import UsageError


def id_of_request(owner: str, key: str | None) -> str:
    """The id of what a request makes: another one each time, or the same for the same
    idempotency key, so that a request that is sent again finds what it made.
    """
    if key is None:
        return secrets.token_hex(8)
    return hashlib.sha256(f"{owner}\0{key}".encode()).hexdigest()[:16]


def reused_key() -> UsageError:
    """An idempotency key that came with another request."""
    return UsageError(
        "the idempotency key was used for another request", hint="take a new key"
    )
