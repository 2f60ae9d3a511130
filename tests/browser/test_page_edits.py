"""What is done to objects, words, examples, other masks, files: one page, each step undone."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import listening
from tests.browser_scene import CENTRES, FRAMES, HW, RUN, SCENE
from tests.page_driver import PageDriver
from tests.scenes import mask_iou
from tests.served import TOKEN, app_of
from vseg.exchange.export import export
from vseg.pipelines.run_edit import RunEdit
from vseg.results.run import Run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

OPTION = "#options:not([hidden])"


@pytest.fixture(scope="module")
def root(tracked_root: Path) -> Path:
    """The folder that is served."""
    return tracked_root


@pytest.fixture(scope="module")
def opened(browser: "Browser", root: Path) -> Iterator[PageDriver]:
    """Its run, open."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(20_000)
    with listening(app_of(root)) as address:
        yield PageDriver(page, HW).open(address, TOKEN, RUN)
        page.context.close()


@pytest.fixture
def desk(opened: PageDriver) -> Iterator[PageDriver]:
    """The page with object 1 selected; what a test changes is undone after it."""
    before = opened.page.inner_text("#clip-facts"), opened.page.get_attribute("#undo", "title")
    opened.keys("Escape", "Escape", "p")
    opened.go_to(0)
    opened.keys("1")
    yield opened
    for _ in range(10):
        facts = opened.page.inner_text("#clip-facts")
        if (facts, opened.page.get_attribute("#undo", "title")) == before:
            return
        opened.page.evaluate("document.getElementById('toasts').replaceChildren()")
        opened.keys("Control+z")
        opened.wait_for_text("#toasts", "Undone")
    raise AssertionError("the page does not come back to where it was")


def revised(desk: PageDriver, *keys: str) -> None:
    """Press keys that make a revision, and wait for it."""
    before = desk.page.inner_text("#clip-facts")
    desk.keys(*keys)
    desk.wait_for("(t) => document.querySelector('#clip-facts').textContent !== t", before)


def select_new(desk: PageDriver) -> None:
    """Select the third object once it is there; ids are not given out again."""
    desk.wait_for("() => document.querySelectorAll('#objects .title').length === 3")
    desk.keys("3")


def truth(obj: int, frame: int) -> np.ndarray:
    return np.asarray(SCENE.truth(frame) == obj)


def test_a_name_is_taken_by_enter(desk: PageDriver, root: Path) -> None:
    desk.keys("F2")
    desk.page.fill("#name", "the ball")
    revised(desk, "Enter")
    desk.wait_for_text("#objects", "the ball")
    assert Run(root / "a").labels[1] == "the ball"


def test_a_colour_is_stored_in_the_run(desk: PageDriver, root: Path) -> None:
    desk.keys("c")
    desk.page.fill("#colour", "#ff00ff")
    revised(desk, "Enter")
    assert Run(root / "a").colours[1] == (255, 0, 255)
    swatch = "getComputedStyle(document.querySelector('.swatch')).backgroundColor"
    desk.wait_for(f"() => {swatch} === 'rgb(255, 0, 255)'")


def test_an_object_is_absent_over_the_marked_span(desk: PageDriver, root: Path) -> None:
    desk.go_to(4)
    desk.keys("q")
    desk.go_to(6)
    desk.keys("q")
    revised(desk, "a")
    run = Run(root / "a")
    gone = [not run[frame].visible[0] for frame in range(FRAMES)]
    assert [frame for frame in range(FRAMES) if gone[frame]] == [4, 5, 6]
    desk.go_to(5)
    assert not (desk.covered() & truth(1, 5)).any()
    assert (desk.covered() & truth(2, 5)).any()


def test_a_split_is_merged_again(desk: PageDriver, root: Path) -> None:
    whole = Run(root / "a")[9][1]
    desk.go_to(6)
    revised(desk, "t")
    desk.wait_for_text("#objects", "Object 3")
    assert list(Run(root / "a")[9].object_ids) == [2, 3]
    desk.keys("1", "m")
    desk.page.select_option("#other", label="Object 3")
    revised(desk, "Enter")
    assert np.array_equal(Run(root / "a")[9][1], whole)
    desk.wait_for("() => document.querySelectorAll('#objects .title').length === 2")


def test_what_is_chosen_while_an_undo_is_under_way_stays_chosen(desk: PageDriver) -> None:
    desk.click(*CENTRES[1])
    desk.wait_for_text("#objects", "1 new")
    desk.page.evaluate(
        """() => [["KeyZ", true], ["Digit2", false]].forEach(([code, ctrlKey]) =>
             document.body.dispatchEvent(
               new KeyboardEvent("keydown", { code, ctrlKey, key: "", bubbles: true })
             ))"""
    )
    desk.wait_for_text("#toasts", "Undone")
    desk.page.wait_for_timeout(100)
    assert "Object 2" in desk.page.inner_text("#objects [aria-pressed=true]")


def test_an_object_is_deleted_by_enter(desk: PageDriver, root: Path) -> None:
    desk.keys("Shift+Delete")
    revised(desk, "Enter")
    assert Run(root / "a").object_ids == (2,)


def test_alone_hidden_and_locked(desk: PageDriver) -> None:
    desk.keys("o")
    desk.page.wait_for_timeout(150)
    assert not (desk.covered() & truth(2, 0)).any()
    desk.keys("o", "2", "h", "1")
    desk.page.wait_for_timeout(150)
    assert not (desk.covered() & truth(2, 0)).any()
    assert (desk.covered() & truth(1, 0)).any()
    desk.keys("2", "h", "Shift+h")
    for key in ("t", "a"):
        desk.page.evaluate("document.getElementById('toasts').replaceChildren()")
        desk.keys(key)
        desk.wait_for_text("#toasts", "Object 2 is locked")
    desk.keys("Shift+h")


def test_words_find_an_object(desk: PageDriver) -> None:
    desk.keys("n", "w")
    desk.page.keyboard.type("blue object")
    desk.keys("Enter")
    desk.keys("Escape")
    select_new(desk)
    desk.keys("o")
    desk.wait_for_masks(200)
    assert mask_iou(desk.covered(), truth(1, 0)) > 0.8
    desk.keys("o")


def test_an_example_of_another_frame_finds_the_object(desk: PageDriver) -> None:
    _drag_around(desk, 1)
    desk.wait_for_text("#toasts", "Example taken")
    desk.go_to(6)
    desk.keys("n", "Enter")
    desk.page.mouse.move(5, 5)
    select_new(desk)
    desk.keys("o")
    desk.wait_for_masks(200)
    assert mask_iou(desk.covered(), truth(1, 6)) > 0.8
    desk.keys("o")


def _drag_around(desk: PageDriver, obj: int) -> None:
    ys, xs = np.nonzero(truth(obj, 0))
    desk.keys("x")
    desk.drag((xs.min() - 1, ys.min() - 1), (xs.max() + 1, ys.max() + 1))


def test_an_example_of_an_image_file_finds_the_object(
    desk: PageDriver, tmp_path: Path
) -> None:
    Image.fromarray(next(iter(SCENE)).image).save(tmp_path / "example.png")
    desk.keys("n", "x")
    with desk.page.expect_file_chooser() as chooser:
        desk.page.click(f"{OPTION} button")
    chooser.value.set_files(tmp_path / "example.png")
    canvas = desk.page.wait_for_selector("#dialog canvas")
    place = None if canvas is None else canvas.bounding_box()
    assert place is not None
    ys, xs = (axis.tolist() for axis in np.nonzero(truth(1, 0)))
    desk.page.mouse.move(place["x"] + min(xs) - 1, place["y"] + min(ys) - 1)
    desk.page.mouse.down()
    desk.page.mouse.move(place["x"] + max(xs) + 1, place["y"] + max(ys) + 1, steps=3)
    desk.page.mouse.up()
    desk.page.click("#dialog .primary")
    select_new(desk)
    desk.keys("o")
    desk.wait_for_masks(200)
    assert mask_iou(desk.covered(), truth(1, 0)) > 0.6
    desk.keys("o")


def test_another_mask_of_a_click_is_taken(desk: PageDriver) -> None:
    desk.keys("n")
    desk.click(*CENTRES[2])
    desk.page.mouse.move(5, 5)
    select_new(desk)
    desk.keys("o")
    desk.wait_for_masks(200)
    clicked = desk.covered().sum()
    desk.keys("Equal")
    desk.wait_for_text("#options", "Larger: 2 of 2")
    desk.keys("Minus")
    desk.wait_for_text("#options", "Smaller: 1 of 2")
    desk.keys("Enter")
    desk.wait_for("() => !document.querySelector('#options').textContent")
    desk.go_to(0)
    assert desk.covered().sum() < clicked
    desk.keys("o")


def test_marks_are_removed_by_a_key(desk: PageDriver) -> None:
    desk.click(*CENTRES[1])
    desk.wait_for_text("#objects", "1 new")
    desk.keys("Delete")
    desk.wait_for("() => !document.querySelector('#objects .badge')")


def test_masks_of_another_program_come_in(
    desk: PageDriver, root: Path, tmp_path: Path
) -> None:
    shutil.copytree(root / "a", tmp_path / "a")
    with RunEdit(tmp_path / "a") as edit:
        edit.absent(2, 8, FRAMES)
    export(Run(tmp_path / "a"), "coco", tmp_path / "coco.json")
    before = desk.page.inner_text("#clip-facts")
    desk.keys("Control+e")
    with desk.page.expect_file_chooser() as chooser:
        desk.page.click("text=Import masks")
    chooser.value.set_files(tmp_path / "coco.json")
    desk.wait_for("(t) => document.querySelector('#clip-facts').textContent !== t", before)
    run = Run(root / "a")
    assert run[7].visible.tolist() == [True, True]
    assert run[9][2].sum() == 0
    assert run[9][1].any()


def test_a_report_is_one_page(desk: PageDriver, tmp_path: Path) -> None:
    with desk.page.expect_download() as download:
        desk.keys("Control+e")
        desk.page.click("#dialog button[value=report]")
    download.value.save_as(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<svg" in page and "Object" in page


def test_playback_says_what_it_left_out(desk: PageDriver) -> None:
    """Twelve frames in half a second, without one that the page waits a second for."""
    began = desk.page.evaluate("performance.now()")
    desk.keys("Home", "Space")
    desk.wait_for(
        "() => document.querySelector('#play').getAttribute('aria-label') === 'Pause'"
    )
    desk.wait_for(
        "() => document.querySelector('#play').getAttribute('aria-label') === 'Play'"
    )
    desk.wait_for_frame(FRAMES - 1)
    seconds = (desk.page.evaluate("performance.now()") - began) / 1000
    told = desk.page.inner_text("#dropped")
    assert seconds < 6 or "stood still" in told
    body = """
    const m = await import("/static/playback.js");
    return [[12, 0, 0], [9, 3, 40], [2, 0, 1500], [4, 8, 2000]].map(
      ([shown, dropped, waited]) => m.shortfall({ shown, dropped, waited }));
    """
    assert desk.page.evaluate(f"async () => {{ {body} }}") == [
        "",
        "3 of 12 frames dropped",
        "stood still for 1.5 s",
        "8 of 12 frames dropped, stood still for 2.0 s",
    ]
