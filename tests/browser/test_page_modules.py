"""Modules of the page that stand alone, in a real browser: masks, places, keys, frames."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.browser.conftest import listening
from tests.clips import Recipe, write_clip
from tests.served import TOKEN, app_of
from vseg.server.annotator.mask_message import MaskFlag, ShownMask, pack_message, unpack_crop
from vseg.server.annotator.wire_values import WireCrop
from vseg.server.routes.pages import PAGES
from vseg.server.storage.ids import id_of
from vseg.types import MaskCrop

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def modules(page: "Page", static_address: str) -> "Page":
    """A page from which the modules can be loaded."""
    page.goto(f"{static_address}/static/icon.svg")
    return page


def _call(page: "Page", module: str, body: str, argument: Any = None) -> Any:
    """What a function body gives that has the module as `m` and the argument as `a`."""
    load = f"const m = await import('/static/{module}.js');"
    return page.evaluate(f"async (a) => {{ {load} {body} }}", argument)


def _mask(seed: int, height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), dtype=bool)
    top, left = height // 5, width // 4
    mask[top : top + height // 2, left : left + width // 2] = True
    return mask & (rng.random((height, width)) > 0.2)


@pytest.mark.parametrize(("height", "width"), [(48, 86), (31, 53), (1, 1), (7, 1)])
def test_a_mask_is_drawn_as_it_was_packed(modules: "Page", height: int, width: int) -> None:
    mask = _mask(3, height, width) if height > 7 else np.ones((height, width), dtype=bool)
    shown = ShownMask(5, 9, MaskFlag.PRESENT | MaskFlag.PENDING, 0.25, MaskCrop.of(mask))
    body = """
    const bytes = Uint8Array.from(a).buffer;
    const mask = m.readMask(bytes);
    const canvas = m.fillOf(mask, 0xff0000ff);
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const on = [];
    for (let i = 0; i < data.length; i += 4) on.push(data[i + 3] > 0 && data[i] === 255);
    const { runs, ...head } = mask;
    const covered = m.covers(mask, mask.x + 0.5, mask.y + 0.5);
    return { ...head, on, covered };
    """
    read = _call(modules, "masks", body, list(pack_message(77, shown)))
    again = np.zeros_like(mask)
    box = np.array(read["on"]).reshape(read["height"], read["width"])
    again[read["y"] : read["y"] + read["height"], read["x"] : read["x"] + read["width"]] = box
    assert np.array_equal(again, mask)
    assert read["covered"] == mask[read["y"], read["x"]]
    head = [read[name] for name in ("seq", "frame", "object", "flags")]
    assert head == [77, 5, 9, 9]
    assert read["score"] == pytest.approx(0.25, abs=1e-4)


def test_the_outline_runs_around_every_pixel_of_the_edge(modules: "Page") -> None:
    mask = _mask(1, 24, 37)
    shown = ShownMask(0, 1, MaskFlag.PRESENT, 1.0, MaskCrop.of(mask))
    body = """
    const sides = [];
    let at;
    globalThis.Path2D = class {
      moveTo(x, y) { at = [x, y]; }
      lineTo(x, y) { sides.push([...at, x, y]); }
    };
    m.outlineOf(m.readMask(Uint8Array.from(a).buffer));
    return sides;
    """
    sides = _call(modules, "masks", body, list(pack_message(1, shown)))
    padded = np.pad(mask, 1)
    wanted = {(x, y, "across") for y, x in np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1])}
    wanted |= {(x, y, "down") for y, x in np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1])}
    drawn = []
    for x1, y1, x2, y2 in sides:
        drawn += [(x, y1, "across") for x in range(x1, x2) if y1 == y2]
        drawn += [(x1, y, "down") for y in range(y1, y2) if x1 == x2]
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == wanted


def test_what_is_painted_is_what_the_server_reads(modules: "Page") -> None:
    body = """
    const raster = new m.Raster(53, 31);
    raster.stroke({x: 4, y: 3}, {x: 40, y: 25}, 3.5, 1);
    raster.stroke({x: 20, y: 0}, {x: 20, y: 31}, 2, 0);
    const rect = raster.bounds();
    return { rect, runs: raster.runs(rect), pixels: [...raster.pixels] };
    """
    read = _call(modules, "raster", body)
    rect = read["rect"]
    crop = WireCrop(
        x=rect["x"], y=rect["y"], w=rect["width"], h=rect["height"], runs=read["runs"]
    )
    painted = np.array(read["pixels"], dtype=bool).reshape(31, 53)
    assert np.array_equal(unpack_crop(crop, 31, 53), painted)
    ys, xs = np.mgrid[0:31, 0:53] + 0.5
    along = np.clip(((xs - 4) * 36 + (ys - 3) * 22) / (36**2 + 22**2), 0, 1)
    near = np.hypot(xs - 4 - 36 * along, ys - 3 - 22 * along) <= 3.5
    assert np.array_equal(painted, near & (np.abs(xs - 20) > 2))


def test_coordinates_come_back_and_zoom_keeps_the_place(modules: "Page") -> None:
    body = """
    const view = new m.Viewport();
    view.setStage(701, 393);
    view.setFrame(853, 479);
    const fitted = { left: view.left, top: view.top, scale: view.scale };
    const at = { x: 233, y: 147 };
    const before = view.toFrame(at);
    view.zoom(at, 7.3);
    const after = view.toFrame(at);
    const back = view.toStage(after);
    view.zoom(at, 1e-6);
    const out = { left: view.left, top: view.top, scale: view.scale };
    return { fitted, before, after, back, out, point: m.pointOf({ x: 0.5, y: 0.5 }) };
    """
    read = _call(modules, "viewport", body)
    assert read["before"] == pytest.approx(read["after"])
    assert read["back"] == pytest.approx({"x": 233, "y": 147})
    assert read["out"] == pytest.approx(read["fitted"])
    assert read["point"] == {"x": 0, "y": 0}


def test_no_key_is_given_twice_and_each_does_something(modules: "Page") -> None:
    rows = _call(modules, "keys", "return m.KEYS")
    keys = [key for row in rows for key in row["keys"]]
    assert len(keys) == len(set(keys))
    # The handlers want the whole page: their names are read from the source.
    source = (PAGES / "actions.js").read_text("utf-8")
    handled = set(re.findall(r'^  "?([a-z-]+)"?[:,]', source, re.MULTILINE))
    handled |= {f"object-{i}" for i in range(1, 10)}
    assert {row["action"] for row in rows} <= handled
    for name in re.findall(r'data-action="([a-z-]+)"', (PAGES / "index.html").read_text()):
        assert name in handled


def test_the_documentation_lists_every_key(modules: "Page") -> None:
    text = (ROOT / "docs" / "annotate.md").read_text("utf-8")
    body = """
    const { KEYS } = await import("/static/keys.js");
    return KEYS.map((row) => [row.title, row.keys.map(m.keyName)]);
    """
    rows = _call(modules, "key-bindings", body)
    for title, keys in rows:
        shown = " or ".join(f"`{key}`" for key in keys)
        digit = re.fullmatch(r"Object \d of the list", title)
        assert digit or f"| {shown} | {title} |" in text, title


def test_frames_are_fetched_ahead_and_dropped_when_the_user_goes_elsewhere(
    page: "Page", root: Path
) -> None:
    write_clip(root / "a.mp4", Recipe(num_frames=120))
    with listening(app_of(root)) as address:
        page.context.set_extra_http_headers({"Authorization": f"Bearer {TOKEN}"})
        page.goto(f"{address}/static/icon.svg")
        body = f"""
        let open = 0;
        let most = 0;
        const real = fetch;
        globalThis.fetch = async (...words) => {{
          most = Math.max(most, ++open);
          const answer = await real(...words);
          open--;
          return answer;
        }};
        const url = (n, w) => `/v1/videos/{id_of("a.mp4")}/frames/${{n}}?w=${{w || 96}}`;
        const came = [];
        const store = new m.FrameStore({{ url, first: 0, end: 120 }}, (n) => came.push(n));
        const wait = async (n) => {{
          while (!store.get(n)) await new Promise((done) => setTimeout(done, 5));
        }};
        store.seek(0, 1);
        await wait(30);
        const ahead = [...came];
        store.seek(100, -1);
        await wait(70);
        await wait(106);
        const {{ width }} = store.get(100);
        return {{ ahead, came, width, most }};
        """
        read = _call(page, "frame-store", body)
    assert read["ahead"] == list(range(31))
    behind = read["came"][len(read["ahead"]) :]
    assert 100 in behind[:2]
    assert set(behind) >= set(range(70, 107))
    # What was on its way when the user left is not taken back; nothing else of there comes.
    assert len(set(behind) - set(range(70, 107))) <= 1
    assert read["most"] <= 2
    assert read["width"] == 96


def test_frames_keep_within_their_memory(page: "Page", root: Path) -> None:
    """At 4K a frame takes 33 MB: no more than 192 MiB of them are kept."""
    page.goto("about:blank")
    with listening(app_of(root)) as address:
        page.goto(f"{address}/static/icon.svg")
        body = """
        const pixel = new OffscreenCanvas(3840, 2160);
        pixel.getContext("2d").fillRect(0, 0, 1, 1);
        const blob = await pixel.convertToBlob();
        globalThis.fetch = async () => new Response(blob);
        let most = 0;
        const store = new m.FrameStore({ url: String, first: 0, end: 400 }, () => {
          most = Math.max(most, store.count);
        });
        for (const n of [0, 3, 6, 200]) {
          store.seek(n, 1);
          while (!store.get(n)) await new Promise((done) => setTimeout(done, 5));
        }
        return { most, last: store.get(200) !== null };
        """
        read = _call(page, "frame-store", body)
    assert read["most"] <= 192 * 2**20 // (4 * 3840 * 2160)
    assert read["last"]
