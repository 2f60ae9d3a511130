"""Zones and counting lines are drawn, moved, set, counted in and undone on the page."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import listening
from tests.browser_scene import HW, RUN
from tests.page_driver import PageDriver
from tests.served import TOKEN, app_of
from vseg.events.zone_file import ZoneFile, read_zone_file

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

ALL = ((2, 2), (157, 2), (157, 93), (2, 93))
OPTION = "#options:not([hidden])"


@pytest.fixture(scope="module")
def opened(browser: "Browser", tracked_root: Path) -> Iterator[PageDriver]:
    """The run of two tracked objects, open."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(20_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    with listening(app_of(tracked_root)) as address:
        yield PageDriver(page, HW).open(address, TOKEN, RUN)
        page.context.close()
    assert errors == []


@pytest.fixture
def zones(tracked_root: Path) -> Path:
    """Where the zones of the run are stored; none are, at first."""
    path = tracked_root / "a" / "zones.toml"
    path.unlink(missing_ok=True)
    return path


@pytest.fixture
def desk(opened: PageDriver, zones: Path) -> PageDriver:
    """The page with the zone tool in hand, without zones."""
    assert not zones.exists()
    opened.keys("p", "d")
    opened.wait_for_text(OPTION, "No zone and no line yet")
    settled(opened)
    opened.page.evaluate("document.getElementById('toasts').replaceChildren()")
    return opened


def draw(desk: PageDriver, *corners: tuple[float, float]) -> None:
    """Click the corners of a zone and close it by the key."""
    for corner in corners:
        desk.click(*corner)
    desk.keys("Enter")


def stored(
    desk: PageDriver,
    path: Path,
    names: list[str],
    test: Callable[[ZoneFile], bool] = lambda file: True,
) -> ZoneFile:
    """The stored file, once it has the zones and lines of these names and passes the test."""
    for _ in range(100):
        if path.exists():
            file = read_zone_file(path)
            found = [zone.name for zone in file.zone] + [line.name for line in file.line]
            if found == names and test(file):
                return file
        desk.page.wait_for_timeout(50)
    raise AssertionError(path.read_text() if path.exists() else "no file")


def settled(desk: PageDriver) -> None:
    """Until what was sent is answered."""
    desk.page.wait_for_timeout(300)


def test_a_zone_is_drawn_set_moved_deleted_and_comes_back(
    desk: PageDriver, zones: Path
) -> None:
    draw(desk, (20, 20), (100, 20), (100, 70), (20, 70))
    (zone,) = stored(desk, zones, ["zone 1"]).zone
    assert zone.polygon[0] == pytest.approx((20.5 / HW[1], 20.5 / HW[0]), abs=0.01)
    # It is selected once the server has taken it.
    desk.wait_for_text(OPTION, "Settings")
    desk.keys("F2")
    desk.page.fill("#zone-name", "door")
    desk.page.fill("#zone-labels", "person, red car")
    desk.page.fill("#zone-crowded", "2")
    desk.page.select_option("#zone-rule", "share")
    desk.page.focus("#zone-name")
    desk.keys("Enter")
    (zone,) = stored(desk, zones, ["door"], lambda file: bool(file.zone[0].labels)).zone
    assert (zone.labels, zone.rule) == (("person", "red car"), "share")
    assert (zone.crowded_from, zone.loiter_s) == (2, None)
    desk.drag((20, 20), (40, 30))
    (moved,) = stored(desk, zones, ["door"], lambda file: file.zone[0] != zone).zone
    assert moved.polygon[0] == pytest.approx((40.5 / HW[1], 30.5 / HW[0]), abs=0.01)
    assert moved.polygon[1:] == zone.polygon[1:]
    desk.keys("Delete")
    desk.wait_for_text("#toasts", "Deleted: door")
    assert not zones.exists()
    desk.keys("Control+z")
    assert stored(desk, zones, ["door"]).zone == (moved,)
    desk.keys("Control+z")
    stored(desk, zones, ["door"], lambda file: file.zone == (zone,))


def test_a_zone_that_crosses_itself_is_refused_and_can_be_mended(
    desk: PageDriver, zones: Path
) -> None:
    draw(desk, (20, 20), (100, 70), (100, 20), (20, 70))
    desk.wait_for_text("#toasts", "crosses itself")
    assert not zones.exists()
    desk.keys("Escape", "Escape")
    desk.keys("Enter")
    settled(desk)
    assert not zones.exists()
    desk.click(20, 70)
    desk.keys("Enter")
    (zone,) = stored(desk, zones, ["zone 1"]).zone
    assert len(zone.polygon) == 3


def test_a_line_is_drawn_with_its_arrow_and_turned(desk: PageDriver, zones: Path) -> None:
    desk.keys("y")
    desk.drag((80, 90), (80, 10))
    (line,) = stored(desk, zones, ["line 1"]).line
    # From below to above, forward is to the right.
    desk.wait_for("() => document.querySelector('#zone')")
    desk.page.mouse.move(5, 5)
    desk.page.wait_for_timeout(100)
    covered = desk.covered()
    assert covered[50, 82:86].any()
    assert not covered[50, 72:77].any()
    desk.keys("F2")
    desk.page.fill("#zone-forward", "in")
    desk.page.select_option("#zone-wrong", "backward")
    desk.page.check("#zone-turned")
    desk.page.focus("#zone-name")
    desk.keys("Enter")
    (turned,) = stored(desk, zones, ["line 1"], lambda file: file.line[0] != line).line
    assert (turned.begin, turned.end) == (line.end, line.begin)
    assert (turned.forward, turned.allowed) == ("in", "in")


def test_it_is_drawn_with_keys_alone(desk: PageDriver, zones: Path) -> None:
    desk.keys("y", "u")  # the crosshair, at the middle
    desk.keys("u", *["k"] * 3, "u")
    (line,) = stored(desk, zones, ["line 1"]).line
    assert line.end[1] > line.begin[1]
    desk.keys("u", *["Shift+l"] * 4, "u")  # the end is held where the crosshair is
    (moved,) = stored(desk, zones, ["line 1"], lambda file: file.line[0] != line).line
    assert moved.begin == line.begin
    assert moved.end[0] == pytest.approx(line.end[0] + 4 / HW[1], abs=1e-3)


def test_what_happened_in_zones_is_a_table(desk: PageDriver, zones: Path) -> None:
    draw(desk, *ALL)
    stored(desk, zones, ["zone 1"])
    desk.keys("Shift+y")
    desk.wait_for_text("#zone-events", "inside")
    rows = desk.page.locator("#zone-events tbody tr").all_inner_texts()
    assert [row.split("\t")[0] for row in rows] == ["zone 1"]
    assert rows[0].split("\t")[4] == "2"
    desk.keys("Escape")


def test_what_another_program_wrote_is_kept(desk: PageDriver, zones: Path) -> None:
    desk.keys("p")
    zones.write_text(
        'unit = "pixels"\nsize = [320, 192]\n'
        '[[near]]\nname = "close"\ndistance = 0.1\n'
        '[[zone]]\nname = "mine"\npolygon = [[20, 20], [200, 20], [200, 100]]\n'
        "update_s = 3.0\n"
    )
    desk.keys("d")
    desk.wait_for_text("#zone", "mine")
    before = read_zone_file(zones)
    desk.drag((10, 10), (20, 10))
    file = stored(desk, zones, ["mine"], lambda file: file != before)
    assert (file.unit, file.size, file.near[0].name) == ("pixels", (320, 192), "close")
    assert file.zone[0].update_s == 3.0
    assert file.zone[0].polygon[0] == pytest.approx((41, 21), abs=1.5)
    zones.write_text('[[zone]]\nname = "mine"\npolygon = [[5, 5], [6, 5], [6, 6]]\n')
    desk.keys("p", "d")
    desk.wait_for_text("#toasts", "holds no pixel")
    draw(desk, *ALL)
    settled(desk)
    assert "[5, 5]" in zones.read_text()
