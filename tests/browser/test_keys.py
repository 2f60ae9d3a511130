"""Every key does what the table says, without a mouse; and the page is usable by everybody."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import listening
from tests.browser_scene import HW, RUN
from tests.page_driver import PageDriver
from tests.served import TOKEN, app_of
from vseg.server.routes.pages import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def desk(browser: "Browser", tracked_root: Path) -> Iterator[PageDriver]:
    """A run of two tracked objects, open once for all tests here."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(20_000)
    with listening(app_of(tracked_root)) as address:
        yield PageDriver(page, HW).open(address, TOKEN, RUN)
        page.context.close()


def _value(selector: str) -> str:
    return f"document.querySelector('{selector}').value"


def _text(selector: str) -> str:
    return f"document.querySelector('{selector}').textContent"


def _pressed(tool: str) -> str:
    return f"document.querySelector('[data-action=tool-{tool}]').getAttribute('aria-pressed')"


_FRAME = _value("#frame")
_LEFT = "document.querySelector('#objects .pick[aria-pressed=true] .title')?.textContent"
_TOAST = _text("#toasts")
_DIALOG = _text("#dialog-title")
_SPAN = _text("#span")
_SCOPE = _text("#scope")
_CROSS = "document.querySelector('#stage').getAttribute('aria-label')"
_LANES = "document.querySelector('#lanes').getAttribute('aria-valuetext')"
_EVERYWHERE = "document.querySelector('#everywhere').checked"
_HIDDEN = "document.querySelectorAll('#objects [aria-label^=Hide][aria-pressed=true]').length"
_LOCKED = "document.querySelectorAll('#objects [aria-label^=Lock][aria-pressed=true]').length"
_PLAY = "document.querySelector('#play').getAttribute('aria-label')"
_THEME = "document.documentElement.dataset.theme ?? ''"

SEEN: list[tuple[str, tuple[str, ...], str, Any]] = [
    # keys before, the key, what is then read from the page, and its value
    ("next-frame", ("Home", "ArrowRight"), _FRAME, "1"),
    ("previous-frame", ("End", "ArrowLeft"), _FRAME, "10"),
    ("forward-ten", ("Home", "Shift+ArrowRight"), _FRAME, "10"),
    ("back-ten", ("End", "Shift+ArrowLeft"), _FRAME, "1"),
    ("first-frame", ("ArrowRight", "Home"), _FRAME, "0"),
    ("last-frame", ("Home", "End"), _FRAME, "11"),
    ("next-anchor", ("1", "Home", "ArrowRight", "BracketRight"), _TOAST, "No later anchor"),
    ("previous-anchor", ("1", "End", "BracketLeft"), _FRAME, "0"),
    ("next-risk", ("1", "Home", "Period"), _TOAST, "No risky frame ahead"),
    ("previous-risk", ("1", "End", "Comma"), _TOAST, "No risky frame before"),
    ("mark-span", ("Home", "q", "End", "q"), _SPAN, "11"),
    ("sound", ("Shift+m",), "localStorage.getItem('vseg-muted') !== null", True),
    ("tool-point", ("b", "p"), _pressed("point"), "true"),
    ("tool-box", ("r",), _pressed("box"), "true"),
    ("tool-scribble", ("s",), _pressed("scribble"), "true"),
    ("tool-brush", ("b",), _pressed("brush"), "true"),
    ("tool-eraser", ("e",), _pressed("eraser"), "true"),
    ("tool-polygon", ("g",), _pressed("polygon"), "true"),
    ("tool-zone", ("d",), _pressed("zone"), "true"),
    ("tool-line", ("y",), _pressed("line"), "true"),
    ("zone-events", ("Shift+y",), _TOAST, "there is no zone and no line"),
    ("tool-exemplar", ("x",), _pressed("exemplar"), "true"),
    ("larger", ("n", "Equal"), _TOAST, "Click on something first"),
    ("smaller", ("n", "Minus"), _TOAST, "Click on something first"),
    ("brush-larger", ("b", "Shift+BracketRight"), _value("#radius"), "14"),
    ("brush-smaller", ("b", "Shift+BracketLeft"), _value("#radius"), "12"),
    ("clear-prompts", ("1", "Delete"), _TOAST, "No prompts that wait"),
    ("cancel", ("q", "Escape"), "document.querySelector('#span').hidden", True),
    ("cross-up", ("i",), _CROSS, "crosshair at"),
    ("cross-left", ("j",), _CROSS, "crosshair at"),
    ("cross-down", ("k",), _CROSS, "crosshair at"),
    ("cross-right", ("l",), _CROSS, "crosshair at"),
    ("new-object", ("1", "n"), _text("#objects .fresh"), "The next prompt makes a new object"),
    ("object-1", ("2", "1"), _LEFT, "Object 1"),
    ("object-2", ("1", "2"), _LEFT, "Object 2"),
    ("next-object", ("1", "ArrowDown"), _LEFT, "Object 2"),
    ("previous-object", ("2", "ArrowUp"), _LEFT, "Object 1"),
    ("rename", ("1", "F2"), _DIALOG, "Name the object"),
    ("colour", ("1", "c"), _DIALOG, "Colour"),
    ("merge", ("1", "m"), _DIALOG, "Merge with Object 1"),
    ("delete-object", ("1", "Shift+Delete"), _DIALOG, "Delete Object 1?"),
    ("hide", ("1", "h"), _HIDDEN, 1),
    ("lock", ("1", "Shift+h"), _LOCKED, 1),
    ("propagate-scope", ("1", "Shift+v"), _SCOPE, "Object 1"),
    ("review-next", ("Quote",), _TOAST, "Nothing risky is left"),
    ("accept", ("Enter",), _TOAST, "Nothing to accept"),
    ("fix", ("Control+Enter",), _TOAST, "No span under review"),
    ("review-everywhere", ("Shift+Quote",), _EVERYWHERE, True),
    ("lanes-closer", ("Home", "Shift+Equal"), _LANES, "of frames 0 to 7"),
    ("lanes-farther", ("Shift+Minus",), _LANES, "of frames 0 to 11"),
    ("statistics", ("Shift+s",), _DIALOG, "Statistics"),
    ("theme", ("Shift+d",), _THEME, "dark"),
    ("export", ("Control+e",), _DIALOG, "Export and import"),
    ("help", ("Shift+Slash",), _DIALOG, "Keys"),
    ("help", ("F1",), _DIALOG, "Keys"),
    ("tool-words", ("w",), "document.activeElement.id", "words"),
]


@pytest.mark.parametrize(
    ("action", "keys", "read", "value"),
    SEEN,
    ids=[f"{row[0]}-{row[1][-1]}" for row in SEEN],
)
def test_a_key_does_what_the_table_says(
    desk: PageDriver, action: str, keys: tuple[str, ...], read: str, value: Any
) -> None:
    _calm(desk)
    desk.keys(*keys)
    if isinstance(value, str):
        desk.wait_for(f"(wanted) => String({read} ?? '').includes(wanted)", value)
    else:
        desk.wait_for(f"(wanted) => {read} === wanted", value)
    _calm(desk)
    if action in ("hide", "lock", "propagate-scope", "theme", "review-everywhere", "sound"):
        desk.keys(keys[-1])


def _calm(desk: PageDriver) -> None:
    """No dialog, no toast, focus on the stage."""
    desk.page.evaluate(
        """() => {
          document.getElementById("dialog").close("");
          document.getElementById("toasts").replaceChildren();
          document.getElementById("stage").focus();
        }"""
    )
    desk.keys("Escape", "Escape")


def test_an_action_is_given_another_key_which_the_browser_keeps(desk: PageDriver) -> None:
    _calm(desk)
    desk.keys("End", "Shift+Slash")
    desk.page.click("[data-row=tool-box]")
    desk.keys("Control+Shift+m")
    desk.page.click("[data-row=tool-brush]")
    desk.keys("m")
    desk.wait_for_text("#keys-note", "M was “Merge with another object” before")
    desk.page.click("[data-row=tool-eraser]")
    desk.keys("Escape")
    assert desk.page.inner_text("[data-row=tool-eraser]") == "E"
    desk.keys("Escape")
    desk.page.reload()
    desk.wait_for_frame(11)
    for keys, tool in (("m", "brush"), ("r", "brush"), ("Control+Shift+m", "box")):
        desk.keys(keys)
        desk.wait_for(f"() => {_pressed(tool)} === 'true'")
    assert "(Ctrl Shift M)" in str(desk.page.get_attribute("[data-action=tool-box]", "title"))
    desk.keys("Shift+Slash")
    desk.page.click("text=As they were")
    desk.keys("Escape", "r", "b")
    desk.wait_for(f"() => {_pressed('brush')} === 'true'")
    assert desk.page.evaluate("localStorage.getItem('vseg-keys')") is None


def test_a_mask_is_made_and_undone_without_a_mouse(desk: PageDriver) -> None:
    _calm(desk)
    desk.keys("Home", "n", "p")
    desk.wait_for_frame(0)
    desk.keys("i", "u")
    desk.wait_for_text("#objects", "1 new")
    desk.keys("Control+z")
    desk.wait_for_text("#toasts", "Undone")
    desk.wait_for("() => !document.querySelector('#objects .badge')")


def test_playback_shows_frames_in_order_and_stops_at_the_end(desk: PageDriver) -> None:
    _calm(desk)
    desk.keys("Home", "Space")
    desk.wait_for(f"() => {_PLAY} === 'Pause'")
    desk.wait_for_frame(11)
    desk.wait_for(f"() => {_PLAY} === 'Play'")


def test_every_button_fits_a_small_screen(desk: PageDriver) -> None:
    _calm(desk)
    outside = desk.page.evaluate(
        """() => [...document.querySelectorAll("button, input, canvas")]
          .filter((each) => each.offsetParent && !each.closest("dialog"))
          .filter((each) => {
            const { left, top, right, bottom } = each.getBoundingClientRect();
            const within = right <= innerWidth + 0.5 && bottom <= innerHeight + 0.5;
            return left < 0 || top < 0 || !within;
          })
          .map((each) => each.outerHTML.slice(0, 80))"""
    )
    assert outside == []
    assert desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("key", "prsbegwxdy")
def test_nothing_of_a_tool_covers_the_frame(desk: PageDriver, key: str) -> None:
    _calm(desk)
    desk.keys(key)
    stage = desk.page.locator("#stage").bounding_box()
    assert stage is not None
    for name in ("#stage-hint", "#options"):
        box = desk.page.locator(name).bounding_box()
        assert box is None or box["y"] + box["height"] <= stage["y"]
    assert desk.page.inner_text("#stage-hint")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("key", ["", "Shift+Slash", "Control+e", "Shift+s", "F2", "b", "w"])
def test_axe_finds_nothing_serious(desk: PageDriver, theme: str, key: str) -> None:
    if not AXE.is_file():
        pytest.skip("npm ci in tests/browser brings axe-core")
    _calm(desk)
    desk.page.evaluate("(theme) => (document.documentElement.dataset.theme = theme)", theme)
    desk.keys("1", *([key] if key else []))
    desk.page.wait_for_timeout(150)
    desk.page.evaluate(AXE.read_text("utf-8"))
    found = desk.page.evaluate("axe.run().then(({ violations }) => violations)")
    serious = [
        (each["id"], [node["html"][:120] for node in each["nodes"]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_every_row_of_the_table_has_a_test() -> None:
    """Those that change the run are in test_annotation; digits are alike."""
    elsewhere = {
        "play",
        "solo",
        "absent",
        "split",
        "propagate-forward",
        "propagate-backward",
        "propagate-both",
        "undo",
        "redo",
        "skip",
        "zoom-in",
        "zoom-out",
        "fit",
        "takeover",
        "cross-press",
        "cross-negative",
        *(f"object-{i}" for i in range(3, 10)),
    }
    source = (PAGES / "keys.js").read_text("utf-8")
    rows = set(re.findall(r'^    \["([a-z-]+)", "', source, re.MULTILINE))
    assert len(rows) > 40
    assert rows <= {row[0] for row in SEEN} | elsewhere
