"""A service here or in a process of its own, over a folder of small clips of the test."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from fastapi import FastAPI
from starlette.testclient import TestClient

from vseg.server.app import create_app
from vseg.server.security.keys import LOCAL, AccessKey, KeyRing, ScopeName, key_of
from vseg.server.settings import Limits, ServerSettings
from vseg.server.storage.ids import id_of

T = TypeVar("T")

SHORT_SIDE = 96
ADDRESS = "http://127.0.0.1:8707"
CLIP = id_of("two.mp4")
"""The clip of the fixture `root`."""
TOKEN = "a-token-of-the-tests"


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """What it returns, run on a thread of its own: the main thread has a loop that runs for as
    long as a browser of other tests is open in it.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def local_key(scope: ScopeName = "admin") -> AccessKey:
    """The key of TOKEN."""
    return key_of(TOKEN, "local", scope, key_id=LOCAL)


def app_of(
    root: Path, *keys: AccessKey, limits: Limits | None = None, **settings: Any
) -> FastAPI:
    """The application over a folder, for TOKEN if no keys are given."""
    chosen = ServerSettings(
        root=root, short_side=SHORT_SIDE, limits=limits or Limits(), **settings
    )
    return create_app(chosen, KeyRing(keys or (local_key(),)))


@contextmanager
def served(app: FastAPI, token: str | None = TOKEN) -> Iterator[TestClient]:
    """A client of an application that runs."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    with TestClient(app, base_url=ADDRESS, headers=headers) as client:
        yield client


@dataclass(frozen=True)
class ServiceProcess:
    """`vseg serve` in a process of its own."""

    process: subprocess.Popen[str]
    address: str
    key: str

    def kill(self) -> None:
        """End it as nothing can be caught."""
        self.process.kill()
        self.process.wait()


@contextmanager
def service_process(root: Path, config: str = "") -> Iterator[ServiceProcess]:
    """A service over a folder.  config: TOML."""
    file = root.parent / "server.toml"
    file.write_text(f"short_side = {SHORT_SIDE}\nport = 0\n{config}")
    words = ["serve", "--root", str(root), "--config", str(file), "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "vseg", *words], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        lines = iter(process.stdout.readline, "}\n")
        facts = json.loads("".join(lines) + "}")
        yield ServiceProcess(process, facts["address"], facts["key"])
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()
