"""A service in this process, over a folder of small clips that the test made."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.testclient import TestClient

from vseg.server.app import create_app
from vseg.server.security.keys import LOCAL, AccessKey, KeyRing, ScopeName, key_of
from vseg.server.settings import Limits, ServerSettings

ADDRESS = "http://127.0.0.1:8707"
TOKEN = "a-token-of-the-tests"


def local_key(scope: ScopeName = "admin") -> AccessKey:
    """The key of TOKEN."""
    return key_of(TOKEN, "local", scope, key_id=LOCAL)


def app_of(root: Path, *keys: AccessKey, limits: Limits | None = None) -> FastAPI:
    """The application over a folder, for TOKEN if no keys are given."""
    settings = ServerSettings(root=root, short_side=64, limits=limits or Limits())
    return create_app(settings, KeyRing(keys or (local_key(),)))


@contextmanager
def served(app: FastAPI, token: str | None = TOKEN) -> Iterator[TestClient]:
    """A client of an application that runs."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    with TestClient(app, base_url=ADDRESS, headers=headers) as client:
        yield client
