"""Annotating in a real browser: draw, propagate, correct, undo, come back, export."""

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.conftest import listening
from tests.browser_scene import CENTRES, FRAMES, HW, RUN, SCENE, folder_with_run
from tests.clips import add_sound
from tests.page_driver import PageDriver
from tests.scenes import mask_iou
from tests.served import SHORT_SIDE, TOKEN, app_of, service_process
from vseg.build import load_model
from vseg.interfaces.model import Model
from vseg.pipelines.empty_run import create_empty_run
from vseg.results.run import Run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow


@pytest.fixture
def root(tmp_path: Path, model: Model) -> Path:
    """A folder with the clip and an empty run over it."""
    return folder_with_run(tmp_path / "root", model)


@pytest.fixture
def address(root: Path) -> Iterator[str]:
    """A service over it."""
    with listening(app_of(root)) as listens:
        yield listens


@pytest.fixture
def desk(page: "Page", address: str) -> PageDriver:
    """The run, open."""
    return PageDriver(page, HW).open(address, TOKEN, RUN)


def test_click_propagate_correct_undo_and_export(
    desk: PageDriver, root: Path, tmp_path: Path
) -> None:
    desk.click(*CENTRES[1])
    desk.wait_for_masks(200)
    assert mask_iou(desk.covered(), SCENE.truth(0) == 1) > 0.6
    assert desk.objects == ["Object 1"]
    assert desk.revision == 0
    desk.propagate()
    desk.keys("End")
    desk.wait_for_frame(FRAMES - 1)
    desk.wait_for_masks(200)
    # A correction: a box of the other object on a later frame, tracked both ways.
    desk.keys("Home", "n", "r")
    desk.wait_for_frame(0)
    ys, xs = np.nonzero(SCENE.truth(0) == 2)
    desk.drag((xs.min() - 1, ys.min() - 1), (xs.max() + 1, ys.max() + 1))
    desk.wait_for_text("#objects", "Object 2")
    desk.propagate("v")
    assert desk.revision == 2
    desk.go_to(0)
    both = desk.covered()
    desk.keys("Control+z")
    desk.wait_for_text("#clip-facts", "revision 1")
    desk.wait_for_text("#toasts", "Undone")
    desk.keys("Control+Shift+z")
    desk.wait_for_text("#clip-facts", "revision 2")
    desk.go_to(0)
    assert mask_iou(desk.covered(), both) > 0.99
    stored = [masks for masks in Run(root / "a")]
    assert [list(masks.object_ids) for masks in stored] == [[1, 2]] * FRAMES
    with desk.page.expect_download() as download:
        desk.keys("Control+e")
        desk.page.click("#dialog button[value=export]")
    path = tmp_path / "export.zip"
    download.value.save_as(path)
    assert zipfile.is_zipfile(path)


def test_masks_are_painted_where_they_are_stored(desk: PageDriver, root: Path) -> None:
    desk.click(*CENTRES[1])
    desk.wait_for_masks(200)
    desk.propagate()
    for frame in (0, 5):
        desk.go_to(frame)
        assert mask_iou(desk.covered(), Run(root / "a")[frame][1]) > 0.95


def test_a_reload_shows_the_same(desk: PageDriver) -> None:
    desk.click(*CENTRES[1])
    desk.wait_for_masks(200)
    desk.click(*CENTRES[2], negative=True)
    desk.wait_for_text("#objects", "2 new")
    desk.go_to(0)
    before = desk.covered()
    desk.page.reload()
    desk.wait_for_frame(0)
    desk.wait_for_text("#objects", "2 new")
    desk.wait_for_masks(200)
    assert mask_iou(desk.covered(), before) > 0.99


def test_a_killed_server_loses_nothing(page: "Page", root: Path) -> None:
    desk = PageDriver(page, HW)
    with service_process(root) as service:
        desk.open(service.address, service.key, RUN)
        desk.click(*CENTRES[1])
        desk.wait_for_masks(200)
        desk.propagate()
        desk.go_to(0)
        desk.keys("n")
        desk.click(*CENTRES[2])
        desk.wait_for_text("#objects", "Object 2")
        desk.go_to(0)
        before = desk.covered()
        service.kill()
        desk.wait_for_text("#connection", "Connection lost")
    with service_process(root) as service:
        # The key is another one now: the link is opened again.
        desk.page.goto("about:blank")
        desk.open(service.address, service.key, RUN)
        desk.wait_for_text("#objects", "1 new")
        desk.wait_for_masks(int(before.sum() * 0.9))
        assert desk.objects == ["Object 1", "Object 2"]
        assert desk.revision == 1
        desk.keys("2")  # what is selected is drawn with a wider edge
        assert mask_iou(desk.covered(), before) > 0.97
        desk.keys("Control+z")
        desk.wait_for("() => !document.querySelector('#objects .badge')")


def test_the_page_connects_again_by_itself(page: "Page", root: Path) -> None:
    desk = PageDriver(page, HW)
    with listening(app_of(root)) as address:
        desk.open(address, TOKEN, RUN)
        desk.click(*CENTRES[1])
        desk.wait_for_masks(200)
    desk.wait_for_text("#connection", "Connection lost")
    with listening(app_of(root), port=int(address.rpartition(":")[2])):
        desk.wait_for_text("#connection", "Saved")
        desk.click(*CENTRES[2], negative=True)
        desk.wait_for_text("#objects", "2 new")


@pytest.mark.parametrize("tool", ["scribble", "brush", "polygon", "box"])
def test_every_tool_gives_a_mask(desk: PageDriver, tool: str) -> None:
    truth = SCENE.truth(0) == 1
    ys, xs = np.nonzero(truth)
    x, y = CENTRES[1]
    if tool == "scribble":
        desk.keys("s")
        desk.drag((x - 4, y), (x, y + 2), (x + 4, y))
    elif tool == "brush":
        desk.keys("b", *["Shift+BracketLeft"] * 6)
        desk.drag((x - 6, y), (x + 6, y))
    elif tool == "polygon":
        desk.keys("g")
        for corner in ((x - 8, y - 8), (x + 8, y - 8), (x + 8, y + 8), (x - 8, y + 8)):
            desk.click(*corner)
        desk.keys("Enter")
    else:
        desk.keys("r")
        desk.drag((xs.min() - 1, ys.min() - 1), (xs.max() + 1, ys.max() + 1))
    desk.wait_for_text("#objects", "1 new")
    desk.page.mouse.move(5, 5)
    desk.wait_for_masks(40)
    assert desk.covered()[y, x]
    if tool == "polygon":
        square = np.zeros(HW, dtype=bool)
        square[y - 8 : y + 8, x - 8 : x + 8] = True
        assert mask_iou(desk.covered(), square) > 0.85


def test_the_eraser_takes_away_what_it_covers(desk: PageDriver) -> None:
    x, y = CENTRES[1]
    desk.click(x, y)
    desk.wait_for_masks(200)
    desk.keys("e", *["Shift+BracketLeft"] * 6)
    desk.drag((x - 2, y + 6), (x + 2, y + 6))
    desk.wait_for_text("#objects", "1 new")
    desk.page.mouse.move(5, 5)
    desk.page.wait_for_timeout(500)
    assert not desk.covered()[y + 6, x]
    assert desk.covered()[y - 6, x]


def test_drawing_works_at_another_zoom_and_device_pixel_ratio(
    browser: "Browser", address: str
) -> None:
    context = browser.new_context(
        viewport={"width": 1280, "height": 720}, device_scale_factor=1.5
    )
    desk = PageDriver(context.new_page(), HW).open(address, TOKEN, RUN)
    x, y = CENTRES[1]
    desk.page.mouse.move(*desk.place(x, y))
    desk.page.mouse.wheel(0, -600)
    desk.page.mouse.click(*desk.place(x, y))  # the place under the pointer stays
    desk.wait_for_text("#objects", "1 new")
    desk.keys("0")
    desk.wait_for_masks(200)
    assert mask_iou(desk.covered(), SCENE.truth(0) == 1) > 0.6
    context.close()


def test_two_tabs_one_writes_and_the_other_takes_over(
    browser: "Browser", desk: PageDriver, address: str
) -> None:
    second = PageDriver(browser.new_page(viewport={"width": 1280, "height": 720}), HW)
    second.open(address, TOKEN, RUN)
    second.wait_for_text("#lease-text", "Another tab writes")
    second.click(*CENTRES[2])
    second.wait_for_text("#toasts", "Another tab writes")
    desk.click(*CENTRES[1])
    second.wait_for_text("#objects", "Object 1")
    second.wait_for_masks(200)
    second.page.click("#lease button")
    second.wait_for_text("#connection", "Saved")
    desk.wait_for_text("#connection", "Watching")
    second.keys("n")
    second.click(*CENTRES[2])
    desk.wait_for_text("#objects", "Object 2")
    second.page.context.close()


def test_a_correction_can_be_stopped_and_keeps_what_it_has(desk: PageDriver) -> None:
    desk.click(*CENTRES[1])
    desk.wait_for_masks(200)
    desk.keys("f", "Escape")
    desk.wait_for("() => document.querySelector('#progress').hidden")
    assert desk.objects == ["Object 1"]


def test_a_propagation_that_waits_says_that_it_starts(page: "Page", root: Path) -> None:
    app = app_of(root)
    with listening(app) as address:
        desk = PageDriver(page, HW).open(address, TOKEN, RUN)
        desk.keys("f")  # refused: there is no mark
        desk.wait_for_text("#toasts", "nothing to propagate")
        assert page.locator("#progress").is_hidden()
        desk.click(*CENTRES[1])
        desk.wait_for_masks(200)
        with app.state.service.worker.turn("somebody else"):
            desk.keys("f")
            desk.wait_for_text("#progress-text", "Starting")
        desk.wait_for_text("#clip-facts", "revision 1")
        desk.wait_for("() => document.querySelector('#progress').hidden")


def test_playback_sets_the_sound_on_the_clock_of_the_frames(page: "Page", root: Path) -> None:
    loud = np.zeros((FRAMES * 48_000 // 25, 2), dtype=np.int16)
    loud[9_600:] = 20_000
    add_sound(root / "two.mp4", root / "loud.mp4", loud, "aac")
    (root / "loud.mp4").replace(root / "two.mp4")
    shutil.rmtree(root / "a")
    create_empty_run(
        str(root / "two.mp4"), root / "a", load_model("nano", short_side=SHORT_SIDE)
    )
    page.add_init_script(
        """
        window.started = [];
        const start = AudioBufferSourceNode.prototype.start;
        AudioBufferSourceNode.prototype.start = function (when, offset) {
          const samples = this.buffer.getChannelData(0);
          const first = samples.findIndex((sample) => sample > 0.3);
          const from = when - this.context.currentTime;
          const { sampleRate, duration } = this.buffer;
          window.started.push([from, offset, first / sampleRate, duration]);
          return start.call(this, when, offset);
        };
        """
    )
    with listening(app_of(root)) as address:
        desk = PageDriver(page, HW).open(address, TOKEN, RUN)
        assert desk.page.is_visible("#sound")
        desk.go_to(2)
        desk.keys("Space")
        desk.wait_for("() => window.started.length")
        ((wait, offset, first, duration),) = page.evaluate("window.started")
        # The stretch begins with frame 2, at 0.08 s; sound begins at 0.2 s.
        assert abs(first - 0.12) < 0.003
        assert abs(duration - 5) < 0.01
        assert wait < 0.01 or offset == 0
        page.wait_for_selector("#play[aria-label=Play]")
        # Where frames fell behind, the sound was set to them once more.
        heard = page.evaluate("window.started.length")
        desk.keys("Shift+m", "Home", "Space")
        page.wait_for_selector("#play[aria-label=Pause]")
        page.wait_for_selector("#play[aria-label=Play]")
        assert page.evaluate("window.started.length") == heard


def test_nothing_leaves_the_server(page: "Page", address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    desk = PageDriver(page, HW).open(address, TOKEN, RUN)
    desk.click(*CENTRES[1])
    desk.wait_for_masks(200)
    assert all(url.startswith((address, "ws://127.0.0.1")) for url in asked), asked
    # That the test reads pixels back is no fault of the page.
    assert [text for text in said if "Canvas2D" not in text] == []
    assert "token" not in page.url
    assert json.dumps(page.evaluate("document.cookie")) == '""'
