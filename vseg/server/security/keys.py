"""Who may do what: keys by their hashes, each with a scope and perhaps an end.

Enters: a token of a request.  Leaves: its AccessKey.  A token is 32 random bytes, so a plain
SHA-256 of it cannot be guessed back; it is compared in constant time with every key there is.
The file holds hashes only and is read again when it changes, so that a key that is removed is
refused at once.
"""

import hashlib
import hmac
import secrets
import time
from enum import IntEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vseg.errors import BadConfig, NotAllowed
from vseg.io.files import atomic_write_text

ScopeName = Literal["read", "write", "admin"]
LOCAL = "local"
"""The id of the key that is made at the start, for who started the service."""
_TOKEN_BYTES = 32
_LAST_SECOND = 253_402_300_799
"""Of the year 9999, the last that has a date."""


class Scope(IntEnum):
    """Each includes those before it.  admin: also what belongs to other keys."""

    read = 1
    write = 2
    admin = 3


class AccessKey(BaseModel):
    """name: who has it.  sha256: of the token.  expires: seconds since 1970, None for
    never.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern="^[0-9a-z]{1,16}$")
    name: str
    scope: ScopeName
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    expires: float | None = Field(default=None, ge=0, le=_LAST_SECOND, allow_inf_nan=False)

    def expired(self, now: float) -> bool:
        """Whether the key has ended."""
        return self.expires is not None and now >= self.expires

    def allows(self, scope: Scope) -> bool:
        """Whether the key may do what needs this scope."""
        return Scope[self.scope] >= scope


class _KeyFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keys: tuple[AccessKey, ...] = ()


def new_token() -> str:
    """A token that cannot be guessed."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def new_key_id() -> str:
    """An id that no other key of a file has."""
    return secrets.token_hex(4)


def key_of(
    token: str, name: str, scope: ScopeName, *, key_id: str, expires: float | None = None
) -> AccessKey:
    """The key of a token."""
    return AccessKey(
        id=key_id, name=name, scope=scope, sha256=token_hash(token), expires=expires
    )


def token_hash(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def read_keys(path: Path) -> tuple[AccessKey, ...]:
    """The keys of a file.  Raises BadConfig."""
    try:
        return _KeyFile.model_validate_json(path.read_bytes()).keys
    except OSError as error:
        raise BadConfig(
            f"cannot read the keys {path}: {error.strerror}",
            hint=f"make a key: vseg keys add {path} --name me",
        ) from error
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise BadConfig(
            f"{path} is not a file of keys: {place}: {problem['msg']}",
            hint="make it with: vseg keys add",
        ) from error


def write_keys(path: Path, keys: tuple[AccessKey, ...]) -> None:
    """Replace the keys of a file, which only its owner can read.  Raises OutputError."""
    atomic_write_text(path, _KeyFile(keys=keys).model_dump_json(indent=2) + "\n")
    path.chmod(0o600)


class KeyRing:
    """The keys of a service: given ones, and those of a file."""

    def __init__(self, keys: tuple[AccessKey, ...] = (), path: Path | None = None) -> None:
        self._given = keys
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._read: tuple[AccessKey, ...] = ()
        self.keys()  # a file that cannot be read stops the service before it starts

    def keys(self) -> tuple[AccessKey, ...]:
        """The keys as they are now.  Raises BadConfig."""
        if self._path is None:
            return self._given
        try:
            status = self._path.stat()
        except OSError:
            self._stamp = None
        else:
            stamp = status.st_mtime_ns, status.st_size
            if stamp == self._stamp:
                return (*self._given, *self._read)
            self._stamp = stamp
        self._read = read_keys(self._path)
        return (*self._given, *self._read)

    def of_token(self, token: str) -> AccessKey:
        """The key of a token.  Raises NotAllowed."""
        digest = token_hash(token)
        found = None
        for key in self.keys():  # all of them: the time does not tell which one it is
            if hmac.compare_digest(key.sha256, digest):
                found = key
        if found is None:
            raise NotAllowed("the key is not known here", hint=_HINT)
        return _current(found)

    def by_id(self, key_id: str) -> AccessKey:
        """The key of an id that is known to be genuine.  Raises NotAllowed."""
        for key in self.keys():
            if key.id == key_id:
                return _current(key)
        raise NotAllowed("the key is not known here any more", hint=_HINT)


_HINT = "send Authorization: Bearer KEY; the service prints its key when it starts"


def _current(key: AccessKey) -> AccessKey:
    if key.expired(time.time()):
        raise NotAllowed(f"the key {key.id} has expired", hint="ask for a new one")
    return key
