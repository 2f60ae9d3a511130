"""The annotator in a real browser: how long a user waits, and what page and server keep.

    python benchmarks/annotator_page.py

`vseg annotate` runs in a process of its own, and Chromium without a window draws in software,
so both share the processor with the model.  Times are between events of the page: from the
press of a button or key to the moment the stage has painted what came of it.

click: a click of a new object on a frame that is shown, until its mask is painted; where the
pointer has come to rest, so that the mask was previewed, or pressed at once.  step: an
arrow key, until the next frame is painted, fetched ahead (cached) or not yet (cold: right after
a jump).  jump: the number of a frame far away; most of it is decoding from the key frame on.
first mask: from the key until the first propagated mask is painted on the
next frame.  Memory is resident memory while the clip is gone through from end to end.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.shared import Table, run
from tests.chromium import opened_browser
from tests.page_driver import PageDriver
from vseg.io.mp4 import Mp4Writer
from vseg.prompts.simulate import innermost
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Of every change of what the stage has painted: when, which frame, which mask.
_WATCH = """
() => {
  const stage = document.getElementById("stage");
  window.painted = [];
  window.pressed = 0;
  for (const type of ["pointerdown", "keydown", "pointermove"]) {
    addEventListener(type, () => (window.pressed = performance.now()), true);
  }
  new MutationObserver(() => {
    const { frame, mask } = stage.dataset;
    window.painted.push([performance.now(), Number(frame), Number(mask)]);
  }).observe(stage, { attributes: true });
}
"""
_SINCE = """
([column, least]) => {
  const found = window.painted.find((row) => row[0] > window.pressed && row[column] >= least);
  return found && found[0] - window.pressed;
}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: milliseconds, or MiB; n: of how many."""

    measure: str
    n: int
    p50: float
    p95: float
    most: float


@dataclass(frozen=True, slots=True)
class Annotator:
    """`vseg annotate` in a process of its own, and its page."""

    process: subprocess.Popen[str]
    run: Path
    page: PageDriver

    @property
    def server_mib(self) -> float:
        return resident_mib(self.process.pid)


def main() -> None:
    options = _options()
    table = Table(Row)
    with tempfile.TemporaryDirectory() as folder, opened_browser() as browser:
        for row in chain(
            _latency(browser, Path(folder), options.clicks),
            _memory(browser, Path(folder), options.frames),
        ):
            table.add(row)
    table.write(options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--frames", type=int, default=10_000, help="of the long clip; 0: none")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    return parser.parse_args()


@contextmanager
def annotating(browser: "Browser", clip: Path, hw: tuple[int, int]) -> Iterator[Annotator]:
    """The clip open in a page of its own."""
    out = clip.with_suffix("")
    words = ["annotate", str(clip), "-o", str(out), "--no-browser", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "vseg", *words], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        facts = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(120_000)
        page.goto(facts["page"])
        driver = PageDriver(page, hw)
        driver.wait_for_frame(0)
        page.evaluate(_WATCH)
        yield Annotator(process, out, driver)
        page.context.close()
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def _latency(browser: "Browser", folder: Path, clicks: int) -> Iterator[Row]:
    """What a user waits for at 720p."""
    config = SceneConfig(height=720, width=1280, num_frames=200, seed=3, num_objects=3)
    scene = SyntheticVideo(config)
    write_clip(scene, folder / "latency.mp4")
    with annotating(browser, folder / "latency.mp4", (720, 1280)) as annotator:
        page = annotator.page
        places = [innermost(scene.truth(0) == obj) for obj in scene.object_ids]
        _click(page, places, 2 * clicks)  # the features of the frame are there from now on
        page.keys("Control+z")
        page.page.wait_for_timeout(1000)
        yield _row("click to mask, ms", [_click(page, places, k) for k in range(clicks)])
        at_once = [_click(page, places, clicks + k, rest_ms=0) for k in range(clicks)]
        yield _row("click to mask, at once, ms", at_once)
        yield _row("step, cached, ms", [_step(page, k + 1) for k in range(clicks)])
        far = np.random.default_rng(0).permutation(np.arange(80, 190, 4))[:clicks]
        jumps = [(_jump(page, int(frame)), _next(page, int(frame) + 1)) for frame in far]
        yield _row("step, cold, ms", [step for _, step in jumps])
        yield _row("jump, ms", [jump for jump, _ in jumps])
        yield _row("first propagated mask, ms", [_propagated(page) for _ in range(3)])


def _waited(page: PageDriver, column: int, least: int) -> float:
    """Milliseconds from the last press until the stage had painted something."""
    handle = page.page.wait_for_function(_SINCE, arg=[column, least])
    return float(handle.json_value())


def _click(
    page: PageDriver, places: Sequence[tuple[int, int]], number: int, rest_ms: int = 700
) -> float:
    """A click of a new object on the frame that is shown, taken back again; no two are at the
    same place.  rest_ms: how long the pointer has been there before.
    """
    x, y = places[number % len(places)]
    further, down = divmod(number // len(places), 5)
    x += 4 * further
    y += 4 * down
    page.keys("n")
    page.page.wait_for_timeout(700)
    page.page.mouse.move(*page.place(x, y))
    page.page.wait_for_timeout(rest_ms)
    before = int(page.page.evaluate("Number(document.querySelector('#stage').dataset.mask)"))
    page.click(x, y)
    waited = _waited(page, 2, before + 1)
    page.page.mouse.move(5, 5)
    page.keys("Control+z")
    page.page.wait_for_timeout(500)
    return waited


def _step(page: PageDriver, frame: int) -> float:
    page.page.wait_for_timeout(150)
    page.keys("ArrowRight")
    return _waited(page, 1, frame)


def _jump(page: PageDriver, frame: int) -> float:
    """To a frame that was not fetched ahead."""
    page.page.evaluate("window.painted.length = 0")
    page.page.fill("#frame", str(frame))
    page.keys("Enter")
    handle = page.page.wait_for_function(
        "(n) => { const r = window.painted.find((row) => row[1] === n);"
        " return r && r[0] - window.pressed; }",
        arg=frame,
    )
    return float(handle.json_value())


def _next(page: PageDriver, frame: int) -> float:
    """The next frame at once, and a rest."""
    page.keys("ArrowRight")
    waited = _waited(page, 1, frame)
    page.page.wait_for_timeout(1000)
    return waited


def _propagated(page: PageDriver) -> float:
    """From the key until a mask of a later frame is painted; then it is cancelled.  The page
    follows the tracking, and may never show the very next frame.
    """
    page.go_to(0)
    page.keys("n")
    page.click(640, 360)
    page.wait_for_text("#objects", "1 new")
    page.page.wait_for_timeout(1500)
    page.page.evaluate("window.painted.length = 0")
    before = int(page.page.evaluate("Number(document.querySelector('#stage').dataset.mask)"))
    page.keys("f")
    handle = page.page.wait_for_function(
        "(m) => { const r = window.painted.find((row) => row[1] >= 1 && row[2] > m);"
        " return r && r[0] - window.pressed; }",
        arg=before,
    )
    page.keys("Escape")
    page.wait_for("() => document.querySelector('#progress').hidden")
    page.page.wait_for_timeout(1000)
    return float(handle.json_value())


def _memory(browser: "Browser", folder: Path, frames: int) -> Iterator[Row]:
    """Memory of page and server while a long clip is gone through."""
    if frames == 0:
        return
    clip = folder / "long.mp4"
    _write_long(clip, frames)
    with annotating(browser, clip, (360, 640)) as annotator:
        page = annotator.page
        pages = []
        servers = []
        for frame in range(0, frames, max(1, frames // 100)):
            page.page.fill("#frame", str(frame))
            page.keys("Enter", *["ArrowRight"] * 10)
            page.page.wait_for_timeout(100)
            pages.append(_page_mib(browser))
            servers.append(annotator.server_mib)
    half = len(pages) // 2
    yield _row("page, first half, MiB", pages[:half])
    yield _row("page, second half, MiB", pages[half:])
    yield _row("server, first half, MiB", servers[:half])
    yield _row("server, second half, MiB", servers[half:])


def _write_long(clip: Path, frames: int) -> None:
    """A moving pattern, cheap to draw."""
    ys, xs = np.mgrid[0:360, 0:640]
    with Mp4Writer(clip, 360, 640, Fraction(25), crf=28) as mp4:
        for index in range(frames):
            grey = ((xs + 2 * index) // 32 + ys // 32) % 2 * 90 + 60
            mp4.write(np.repeat(grey[..., None], 3, axis=2).astype(np.uint8))


def _page_mib(browser: "Browser") -> float:
    """Resident memory of the processes that draw pages, the largest of them."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    renderers = [each["id"] for each in processes if each["type"] == "renderer"]
    return max(resident_mib(pid) for pid in renderers)


def resident_mib(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _row(measure: str, values: Sequence[float]) -> Row:
    p50, p95 = np.percentile(values, [50, 95])
    return Row(measure, len(values), float(p50), float(p95), max(values))


if __name__ == "__main__":
    run(main)
