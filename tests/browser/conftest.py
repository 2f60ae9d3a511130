"""A browser for the tests of the page, and a service for it in a thread of this process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn
from fastapi import FastAPI

from tests.browser_scene import CENTRES, folder_with_run
from tests.chromium import PROGRAM, opened_browser
from tests.served import SHORT_SIDE, app_of
from vseg.build import load_model
from vseg.interfaces.model import Model
from vseg.pipelines.correction_settings import CorrectionSettings
from vseg.pipelines.run_edit import RunEdit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """Debian's Chromium, once for all tests of a process."""
    pytest.importorskip("playwright", reason="pip install 'vseg[dev]'")
    if PROGRAM is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    with opened_browser() as opened:
        yield opened


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """An empty page of the size that the annotator must be usable at; errors of its scripts
    fail the test.
    """
    opened = browser.new_page(viewport={"width": 1280, "height": 720})
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.set_default_timeout(20_000)
    yield opened
    opened.context.close()
    assert errors == []


@pytest.fixture(scope="session")
def static_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service without a clip: the page's own files."""
    with listening(app_of(tmp_path_factory.mktemp("root"))) as address:
        yield address


@contextmanager
def listening(app: FastAPI, port: int = 0) -> Iterator[str]:
    """The address of an application that listens in a thread, until the block ends."""
    config = uvicorn.Config(app, port=port, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that is served."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def model() -> Model:
    """What the runs are begun with."""
    return load_model("nano", short_side=SHORT_SIDE)


@pytest.fixture(scope="module")
def tracked_root(tmp_path_factory: pytest.TempPathFactory, model: Model) -> Path:
    """A folder with the clip and a run of its two objects, for one module's tests."""
    folder = folder_with_run(tmp_path_factory.mktemp("tracked") / "root", model)
    with RunEdit(folder / "a", CorrectionSettings(model=model)) as edit:
        for obj, place in CENTRES.items():
            edit.add(obj=obj)
            edit.prompt(obj, 0, points=[place])
    return folder
