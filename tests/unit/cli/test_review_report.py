"""`vseg review`, `vseg accept` and `vseg report`, on runs made by hand."""

import json
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.review_runs import square, steady, write_run
from tests.unit.cli.conftest import call
from vseg.build import open_run
from vseg.types import TrackEvent

FRAMES = 40
NASTY = '<img src=x onerror="alert(1)">'


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Object 1 is steady, object 2 is lost from frame 20 on, and nastily named."""

    def lost(index: int) -> np.ndarray:
        return np.roll(steady(index), 26, axis=0) if index < 20 else square(60, 30, 3)

    frames = [{1: steady(k), 2: lost(k)} for k in range(FRAMES)]
    events = [TrackEvent(20, "cut"), TrackEvent(25, "recovered", 2, label=NASTY)]
    return write_run(
        tmp_path / "run", frames, scores={2: 0.5}, labels={2: NASTY}, events=events
    )


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def check(self) -> None:
        """Nothing is loaded from elsewhere, nothing runs, and no style stands in a tag."""
        assert {tag for tag, _ in self.tags}.isdisjoint({"script", "link", "iframe", "object"})
        for _, attributes in self.tags:
            assert not [
                name for name in attributes if name.startswith("on") or name == "style"
            ]
            for name in ("src", "href"):
                assert (attributes.get(name) or "data:").startswith(
                    "data:image/jpeg;base64,"
                ) or (name not in attributes)


def test_the_queue_is_printed_and_written(run: Path, tmp_path: Path) -> None:
    done = call("review", run)
    assert done.exit_code == 0
    first = done.stdout.splitlines()[0]
    assert re.match(
        rf" (0\.\d\d|1\.00)  object 2 .*frames 2[0-9] to {FRAMES - 1}, worst", first
    )
    found = json.loads(call("review", run, "--json").stdout)
    assert [span["object_id"] for span in found["spans"]] == [2]
    assert found["masks"] == 2 * FRAMES
    page = tmp_path / "queue.html"
    assert call("review", run, "-o", page).exit_code == 0
    Page(page).check()
    assert NASTY in Page(page).text
    sheet = tmp_path / "queue.png"
    assert call("review", run, "-o", sheet).exit_code == 0
    with Image.open(sheet) as image:
        assert image.width > 400
    assert call("review", run, "-o", page).exit_code == 3
    assert call("review", run, "-o", page, "--overwrite").exit_code == 0


def test_the_commands_under_a_span_can_be_typed(run: Path, tmp_path: Path) -> None:
    page = tmp_path / "queue.html"
    _, correct, accept = call("review", run, "-o", page).stdout.splitlines()[:3]
    (span,) = json.loads(call("review", run, "--json").stdout)["spans"]
    x, y = span["point"]
    assert open_run(run)[span["worst_frame"]][2][y, x]
    commands = {"correct": correct.strip(), "accept": accept.strip()}
    assert span["commands"] == commands
    assert all(command in Page(page).text for command in commands.values())
    program, *words = shlex.split(commands["correct"])
    assert program == "vseg" and words[-1].endswith(f":{x},{y}")
    planned = call(*words, "--dry-run")
    assert planned.exit_code == 0, planned.stderr
    assert call(*shlex.split(commands["accept"])[1:]).exit_code == 0
    assert json.loads(call("review", run, "--json").stdout)["spans"] == []


def test_an_absent_object_is_looked_for_where_it_was_last(tmp_path: Path) -> None:
    gone = [{1: steady(k) if k < 4 else square(0, 0, 0)} for k in range(6)]
    run = write_run(tmp_path / "run", gone)
    spans = json.loads(call("review", run, "--least", 0, "--json").stdout)["spans"]
    assert not spans[0]["visible"]
    assert spans[0]["point"] == [11, 12]


def test_a_sheet_of_another_kind_and_a_clip_for_several_runs_are_refused(
    run: Path, tmp_path: Path
) -> None:
    assert call("review", run, "-o", tmp_path / "queue.pdf").exit_code == 2
    other = write_run(tmp_path / "other", [{1: steady(k)} for k in range(3)])
    done = call("review", run, other, "--video", "clip.mp4")
    assert done.exit_code == 2
    assert "several runs" in done.stderr


def test_a_queue_of_several_runs_shows_the_worst_of_all(run: Path, tmp_path: Path) -> None:
    worse = [{3: steady(k) if k < 4 else square(70, 40, 2)} for k in range(FRAMES)]
    other = write_run(tmp_path / "other", worse, scores={3: 0.1})
    page = tmp_path / "queue.html"
    done = call("review", run, other, "-o", page)
    lines = done.stdout.splitlines()
    first, second = lines[0], lines[3]
    assert f"{other}: object 3" in first
    assert f"{run}: object 2" in second
    parsed = Page(page)
    parsed.check()
    assert len([tag for tag, _ in parsed.tags if tag == "img"]) == 2
    assert str(other) in parsed.text


def test_what_is_accepted_leaves_the_queue(run: Path) -> None:
    done = call("accept", run, f"2@0:{FRAMES}", "1@0:10")
    assert done.exit_code == 0, done.stderr
    assert "revision 1" in done.stdout
    assert json.loads(call("review", run, "--json").stdout)["spans"] == []
    tracked = json.loads(call("review", run, "--revision", 0, "--json").stdout)
    assert len(tracked["spans"]) == 1
    assert call("accept", run, "3@0:10").exit_code != 0
    assert call("accept", run, "two").exit_code == 2


def test_the_report_is_one_page_that_loads_nothing(run: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = call("report", run, "-o", page)
    assert done.exit_code == 0, done.stderr
    parsed = Page(page)
    parsed.check()
    images = [attributes for tag, attributes in parsed.tags if tag == "img"]
    assert 2 * 8 <= len(images) <= 2 * 9
    assert NASTY in parsed.text
    assert "recovered" in parsed.text
    assert call("report", run, "-o", page).exit_code == 3
    told = json.loads(call("report", run, "-o", page, "--overwrite", "--json").stdout)
    assert (told["frames"], told["objects"], told["masks"]) == (FRAMES, 2, 2 * FRAMES)


def test_a_report_of_a_revision_shows_what_was_accepted(run: Path, tmp_path: Path) -> None:
    call("accept", run, f"2@0:{FRAMES}")
    page = tmp_path / "report.html"
    assert call("report", run, "-o", page).exit_code == 0
    assert "revision 1" in Page(page).text
    assert f"{FRAMES} frames accepted" in Page(page).text
    assert call("report", run, "-o", page, "--revision", 0, "--overwrite").exit_code == 0
    assert "frames accepted" not in Page(page).text


def test_without_the_clip_the_report_has_no_images(run: Path, tmp_path: Path) -> None:
    moved = run.with_name("moved")
    run.with_name("run-clip").rename(moved)
    out = tmp_path / "report.html"
    assert call("report", run, "-o", out, "--video", tmp_path / "nowhere").exit_code == 3
    assert not out.exists()
    done = call("report", run, "-o", out)
    assert done.exit_code == 0, done.stderr
    assert "is not there" in done.stderr and "--video" in done.stderr
    page = Page(out)
    page.check()
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert "no filmstrips" in page.text and "Check first" in page.text
    done = call("report", run, "-o", out, "--overwrite", "--video", moved)
    assert done.exit_code == 0 and not done.stderr
    assert [tag for tag, _ in Page(out).tags if tag == "img"]


def test_runs_with_nothing_to_show_are_reported(tmp_path: Path) -> None:
    nothing = write_run(tmp_path / "nothing", [{} for _ in range(3)])
    never = write_run(tmp_path / "never", [{1: square(0, 0, 0)} for _ in range(3)])
    for run in (nothing, never):
        page = tmp_path / f"{run.name}.html"
        done = call("report", run, "-o", page)
        assert done.exit_code == 0, done.stderr
        Page(page).check()
        done = call("review", run, "--least", "0", "-o", tmp_path / f"{run.name}.png")
        assert done.exit_code == 0, done.stderr
    assert "never visible" in Page(tmp_path / "never.html").text


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    for words in (("review", tmp_path), ("report", tmp_path, "-o", tmp_path / "r.html")):
        done = call(*words)
        assert done.exit_code == 3
        assert "not a run directory" in done.stderr
    assert not (tmp_path / "r.html").exists()
