"""Where a sink sends events: an address whose credentials are never shown."""

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from vseg.errors import UsageError


@dataclass(frozen=True, slots=True)
class Receiver:
    """A parsed address.  shown: what messages say of it; url: the address without user and
    password.
    """

    scheme: str
    host: str
    port: int | None
    path: str
    shown: str
    url: str = field(repr=False)
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


def receiver_of(address: str, schemes: Collection[str], password_name: str) -> Receiver:
    """The parts of an address.  Raises UsageError, which does not repeat a password.

    password_name: the environment variable that a password is read from where the address has
    none.
    """
    hint = f"give an address such as {min(schemes)}://host/..."
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise UsageError("the address of a receiver cannot be read", hint=hint) from error
    if parts.scheme not in schemes or not parts.hostname:
        known = ", ".join(sorted(schemes))
        raise UsageError(f"the address of a receiver must begin with {known}", hint=hint)
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = name if port is None else f"{name}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    return Receiver(
        parts.scheme,
        parts.hostname,
        port,
        parts.path,
        # A path or a query may be a secret of its own: many webhooks are.
        shown=f"{parts.scheme}://{place}",
        url=f"{parts.scheme}://{place}{parts.path}{query}",
        user=None if parts.username is None else unquote(parts.username),
        password=unquote(parts.password) if parts.password else os.environ.get(password_name),
    )
