"""The page in the output cell of a notebook: shown by a page of another port, and used."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

import vseg
from tests.browser.conftest import listening
from tests.browser_scene import FRAMES, SCENE
from vseg.synthetic import write_clip

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


def test_a_cell_shows_the_page_and_gives_the_run(page: "Page", tmp_path: Path) -> None:
    write_clip(SCENE, tmp_path / "two.mp4")
    notebook = FastAPI()
    with vseg.annotate(tmp_path / "two.mp4", tmp_path / "run") as desk:
        cell = f"<!doctype html><title>cell</title>{desk._repr_html_()}"
        notebook.get("/", response_class=HTMLResponse)(lambda: cell)
        with listening(notebook) as address:
            page.goto(address.replace("127.0.0.1", "localhost"))
            shown = page.frame_locator("iframe")
            shown.locator('#stage[data-frame="0"]').wait_for()
            shown.locator("#stage").click()
            shown.locator("#objects .badge").wait_for()
            page.keyboard.press("f")
            shown.locator("#clip-facts", has_text="revision 1").wait_for()
        run = desk.run
        assert run.object_ids == (1,)
        assert len(run) == FRAMES
        assert run[FRAMES - 1].object_ids == (1,)
