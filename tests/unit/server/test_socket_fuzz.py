"""What is no request, or comes at the wrong time, gets one error and disturbs nothing."""

import json
import random
from collections.abc import Iterator
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.annotator_page import AnnotatorPage, empty_run, page_of
from tests.served import ADDRESS, app_of, served
from vseg.build import load_model
from vseg.results.layout import ZONES
from vseg.server.annotator.socket import MOST_CHARACTERS
from vseg.server.storage.ids import id_of

pytestmark = pytest.mark.integration

PATH = f"ws://127.0.0.1:8707/v1/annotations/{id_of('run')}/socket"
ORIGIN = {"Origin": ADDRESS}


@pytest.fixture(scope="module")
def client(scene_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    root = tmp_path_factory.mktemp("root")
    (root / "two.mp4").write_bytes(scene_clip.read_bytes())
    empty_run(root, load_model("nano", short_side=64))
    with served(app_of(root)) as opened:
        yield opened


@pytest.fixture
def page(client: TestClient) -> Iterator[AnnotatorPage]:
    with page_of(client, "run") as opened:
        yield opened


def refused(page: AnnotatorPage, text: str) -> dict[str, Any]:
    """The error that a text is answered with."""
    page.socket.send_text(text)
    return _error(page)


def _error(page: AnnotatorPage) -> dict[str, Any]:
    while "re" not in (message := page.receive()):
        pass
    assert set(message) == {"re", "error"}, message
    assert message["error"]["title"] and message["error"]["detail"]
    return message


BAD_TEXTS = [
    "",
    "{",
    "null",
    "[1, 2]",
    '"hello"',
    "\x00\x01",
    "[" * 100_000,
    '{"id": 1}',
    '{"id": 1, "type": "rm -rf"}',
    '{"id": "one", "type": "undo"}',
    '{"id": 5, "type": "view"}',
    '{"id": 5, "type": "view", "frame": 12}',
    '{"id": 5, "type": "view", "frame": 99999999999999999999}',
    '{"id": 5, "type": "prompt", "object": 0, "frame": 0, "prompt": {"kind": "points"}}',
    '{"id": 5, "type": "propagate"}',
    '{"id": 5, "type": "propagate", "direction": "sideways"}',
    '{"id": 5, "type": "hello"}',
    '{"id": 5, "type": "skip", "run": "../..", "object": 1, "first": 0, "end": 1}',
    '{"id": 5, "type": "accept", "object": 1, "first": 5, "end": 1}',
    '{"id": 5, "type": "export", "format": "../../etc/passwd"}',
    '{"id": 5, "type": "remove_prompts", "object": 1, "frame": 0}',
    '{"id": 5, "type": "preview", "frame": 0}',
    '{"id": 5, "type": "preview", "frame": 0, "point": [1e6, 1e6]}',
    "x" * (MOST_CHARACTERS + 1),
]
PROMPTS: list[dict[str, Any]] = [
    {"kind": "points", "xy": [[1, 1]], "positive": [True, False]},
    {"kind": "points", "xy": [[500, 1]], "positive": [True]},
    {"kind": "points", "xy": [[1, 1]], "positive": [False]},
    {"kind": "box", "xyxy": [9, 9, 1, 1]},
    {"kind": "box", "xyxy": [900, 900, 999, 999]},
    {"kind": "polygon", "rings": [[[0, 0], [9, 9], [0, 9], [9, 0]]]},
    {"kind": "mask", "crop": {"x": 0, "y": 0, "w": 4, "h": 4, "runs": [3]}},
    {"kind": "mask", "crop": {"x": 158, "y": 0, "w": 4, "h": 1, "runs": [0, 4]}},
    {"kind": "mask", "crop": {"x": 0, "y": 0, "w": 2, "h": 1, "runs": [2]}},
    {"kind": "exemplar", "xyxy": [0, 0, 9, 9]},
    {"kind": "exemplar", "xyxy": [0, 0, 9, 9], "frame": 400},
    {"kind": "exemplar", "xyxy": [0, 0, 9, 9], "image": "bm8gaW1hZ2U="},
    {"kind": "exemplar", "xyxy": [0, 0, 9, 9], "image": "***"},
    {"kind": "text", "phrase": "   "},
]
BAD_ZONES: list[tuple[dict[str, Any], str]] = [
    ({"zone": [{"name": "a", "polygon": [[0, 0], [1, 1], [1, 0], [0, 1]]}]}, "crosses itself"),
    ({"zone": [{"name": "a", "polygon": [[2, 2], [3, 2], [3, 3]]}]}, "holds no pixel"),
    ({"zone": [{"name": "a", "polygon": [[0, 0], [1, 0]]}]}, "polygon"),
    ({"zone": [{"name": "", "polygon": [[0, 0], [1, 0], [1, 1]]}]}, "name"),
    (
        {"zone": [{"name": "a", "polygon": [[0, 0], [1, 0], [1, 1]], "loiter_s": 0}]},
        "loiter_s",
    ),
    ({"line": [{"name": "a", "begin": [0, 0], "end": [0, 0]}]}, "no length"),
    (
        {"line": [{"name": "a", "begin": [0, 0], "end": [0, 1], "allowed": "up"}]},
        "allows 'up'",
    ),
    ({"size": [0, 0], "unit": "pixels"}, "size"),
    ({"zone": [{"name": "a", "polygon": [[0, 0], [1, 0], [1, 1]], "share": nan}]}, "share"),
    (
        {"zone": [{"name": "a", "polygon": [[0, 0], [1, 0], [1, 1]], "update_s": inf}]},
        "update_s",
    ),
    ({"colour": "red"}, "colour"),
]


@pytest.mark.parametrize(("zones", "why"), BAD_ZONES, ids=[why for _, why in BAD_ZONES])
def test_zones_that_cannot_be_are_refused(
    page: AnnotatorPage, zones: dict[str, Any], why: str
) -> None:
    message = {"id": 9, "type": "save_zones", "zones": zones, "version": ""}
    assert why in str(refused(page, json.dumps(message))["error"])
    assert page.ask("zones")["zones"]["zone"] == []


@pytest.mark.parametrize("text", BAD_TEXTS, ids=[text[:60] for text in BAD_TEXTS])
def test_what_is_no_request_is_refused(page: AnnotatorPage, text: str) -> None:
    refused(page, text)
    assert page.ask("statistics")["prompts"] == 0


@pytest.mark.parametrize("prompt", PROMPTS, ids=[json.dumps(p)[:60] for p in PROMPTS])
def test_a_prompt_that_cannot_be_is_refused(
    page: AnnotatorPage, prompt: dict[str, Any]
) -> None:
    message = {"id": 9, "type": "prompt", "object": None, "frame": 0, "prompt": prompt}
    assert refused(page, json.dumps(message))["re"] == 9
    assert page.ask("statistics")["prompts"] == 0


def test_binary_is_refused(page: AnnotatorPage) -> None:
    page.socket.send_bytes(b"\x00" * 100)
    assert "binary" in _error(page)["error"]["detail"]
    assert page.ask("undo")["step"] is None


def test_hello_comes_first(client: TestClient) -> None:
    with client.websocket_connect(PATH, headers=ORIGIN) as socket:
        socket.send_text('{"id": 1, "type": "undo"}')
        assert socket.receive_json()["error"]["detail"] == "the first message is hello"
        socket.send_bytes(b"\x01")
        assert socket.receive_json()["re"] is None
        socket.send_text('{"id": 2, "type": "hello"}')
        assert socket.receive_json()["lease"]["mode"] == "write"


def test_too_many_at_once_are_refused_and_the_others_answered(page: AnnotatorPage) -> None:
    numbers = [page.tell("lanes", first=0, end=12, bins=3) for _ in range(150)]
    answers: dict[int, dict[str, Any]] = {}
    while len(answers) < 150:
        message = page.receive()
        if "re" in message:
            assert message["re"] not in answers
            answers[message["re"]] = message
    assert answers.keys() == set(numbers)
    errors = {a["error"]["title"] for a in answers.values() if "error" in a}
    assert errors <= {"TooMany"} and any("error" not in a for a in answers.values())


@pytest.mark.parametrize("run", ["nothing", "two.mp4"])
def test_a_run_that_is_not_there_is_one_error(client: TestClient, run: str) -> None:
    path = PATH.replace(id_of("run"), id_of(run))
    with client.websocket_connect(path, headers=ORIGIN) as socket:
        assert socket.receive_json()["error"]["title"] == "NotThere"
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()


@pytest.mark.parametrize("seed", range(4))
def test_random_messages_disturb_nothing(client: TestClient, seed: int) -> None:
    """Each is answered once, and another page goes on."""
    rng = random.Random(seed)
    with page_of(client, "run") as page:
        for _ in range(60):
            text = _spoiled(rng)
            page.socket.send_text(text)
        page.ask("statistics")
        answered = page.ask("undo")
        assert "re" in answered
        while page.ask("undo").get("step") is not None:
            pass
    with page_of(client, "run") as other:
        assert other.welcome["state"]["pending"] == []


def _spoiled(rng: random.Random) -> str:
    """A request in which something is wrong, or nothing."""
    values: list[Any] = [None, -1, 0, 3, 1e300, "x", [], {}, True, [[1, 1]], "forward", 2**70]
    kinds = ["view", "prompt", "preview", "edit", "propagate", "lanes", "undo", "redo"]
    keys = ["frame", "object", "prompt", "edit", "first", "end", "bins", "point", "direction"]
    message: dict[str, Any] = {"id": rng.randrange(10**6), "type": rng.choice(kinds)}
    for key in rng.sample(keys, rng.randrange(5)):
        message[key] = rng.choice(values)
    text = json.dumps(message)
    if rng.random() < 0.2:
        place = rng.randrange(len(text))
        text = text[:place] + chr(rng.randrange(1, 300)) + text[place + 1 :]
    return text


GROUND = """
[ground]
image = [[0.4, 0.5], [0.6, 0.5], [0.9, 0.9], [0.1, 0.9]]
metres = [[0, 20], [4, 20], [4, 0], [0, 0]]
"""
ZONE: dict[str, Any] = {"name": "a", "polygon": [[0, 0], [1, 0], [1, 1]]}


@pytest.fixture
def zones(client: TestClient) -> Iterator[Path]:
    """The file of the run's zones; there is none before and after."""
    app = client.app
    assert isinstance(app, FastAPI)
    path = Path(app.state.service.root) / "run" / ZONES
    yield path
    path.unlink(missing_ok=True)


def test_zones_that_were_edited_by_hand_meanwhile_are_not_overwritten(
    page: AnnotatorPage, zones: Path
) -> None:
    first = page.ask("save_zones", zones={"zone": [ZONE]}, version="")
    mine = '[[zone]]\nname = "by hand"\npolygon = [[0, 0], [1, 0], [1, 1]]\n'
    zones.write_text(mine)
    changes: list[dict[str, Any]] = [{"zone": []}, {"zone": [ZONE | {"name": "b"}]}]
    for change in changes:
        answer = page.ask("save_zones", zones=change, version=first["version"])
        assert answer["error"]["title"] == "InTheWay" and zones.read_text() == mine
    now = page.ask("zones")
    assert now["zones"]["zone"][0]["name"] == "by hand"
    assert "error" not in page.ask("save_zones", zones={"zone": []}, version=now["version"])
    assert not zones.exists()


def test_the_ground_outlives_the_last_zone(page: AnnotatorPage, zones: Path) -> None:
    zones.write_text(f'{GROUND}[[zone]]\nname = "a"\npolygon = [[0, 0], [1, 0], [1, 1]]\n')
    stored = page.ask("zones")
    left = stored["zones"] | {"zone": []}
    saved = page.ask("save_zones", zones=left, version=stored["version"])
    assert page.ask("zones")["zones"]["ground"] == stored["zones"]["ground"]
    page.ask("save_zones", zones=left | {"zone": [ZONE]}, version=saved["version"])
    assert "[ground]" in zones.read_text()


def test_what_is_in_the_way_of_zones_is_said(page: AnnotatorPage, zones: Path) -> None:
    zones.mkdir()
    try:
        changes: list[dict[str, Any]] = [{}, {"zone": [ZONE]}]
        for change in changes:
            answer = page.ask("save_zones", zones=change, version="")
            assert answer["error"]["title"] == "OutputError" and answer["error"]["hint"]
    finally:
        zones.rmdir()
    zones.symlink_to("nowhere.toml")
    assert page.ask("zones")["error"]["title"] == "BadConfig"


def test_commands_are_answered_while_the_run_is_away(
    client: TestClient, page: AnnotatorPage, zones: Path
) -> None:
    run = zones.parent
    away = run.with_name("away")
    run.rename(away)
    try:
        for kind in ("undo", "redo", "undo"):
            assert page.ask(kind)["error"]["hint"]
        with client.websocket_connect(PATH, headers=ORIGIN) as socket:
            socket.send_text('{"id": 1, "type": "hello"}')
            assert socket.receive_json()["error"]["hint"]
    finally:
        away.rename(run)
    assert page.ask("undo")["step"] is None
