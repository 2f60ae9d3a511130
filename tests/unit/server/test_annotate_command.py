"""`vseg annotate` as a process that is killed, and `vseg.annotate` as notebooks use it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner
from websockets.sync.client import ClientConnection, connect

import vseg
from tests.grounder_models import saved_grounder
from tests.runs import header_of
from vseg.cli.command_line import app
from vseg.errors import BadRun, ModelError
from vseg.types import VideoInfo

pytestmark = pytest.mark.integration


class OnePage:
    """A socket from outside of the process."""

    def __init__(self, page: str) -> None:
        split = urlsplit(page)
        keys = parse_qs(split.fragment)
        self._address = f"ws://{split.netloc}/v1/annotations/{keys['run'][0]}/socket"
        self._headers = {"Authorization": f"Bearer {keys['token'][0]}"}
        self._id = 0

    @contextmanager
    def open(self) -> Iterator[dict[str, Any]]:
        """The state that hello tells."""
        with connect(self._address, additional_headers=self._headers) as socket:
            self.socket: ClientConnection = socket
            yield self.ask("hello")["state"]

    def ask(self, kind: str, **keys: Any) -> dict[str, Any]:
        """The answer to a request."""
        self._id += 1
        self.socket.send(json.dumps({"id": self._id, "type": kind, **keys}))
        while True:
            message = self.socket.recv(timeout=60)
            if isinstance(message, str):
                read: dict[str, Any] = json.loads(message)
                if read.get("re") == self._id:
                    return read

    def event(self, kind: str) -> dict[str, Any]:
        """The next event of a kind."""
        while True:
            message = self.socket.recv(timeout=60)
            if isinstance(message, str):
                read: dict[str, Any] = json.loads(message)
                if read.get("type") == kind:
                    return read


@contextmanager
def annotating(*words: str | Path) -> Iterator[tuple[subprocess.Popen[str], OnePage]]:
    """`vseg annotate` in a process of its own, killed at the end."""
    command = [sys.executable, "-m", "vseg", "annotate", *map(str, words)]
    process = subprocess.Popen(
        [*command, "--no-browser", "--json"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process:
        try:
            text = ""
            while not text.rstrip().endswith("}"):
                line = process.stdout.readline()
                assert line, "the process ended"
                text += line
            yield process, OnePage(json.loads(text)["page"])
        finally:
            process.kill()


def test_a_killed_annotator_comes_back_as_it_was(scene_clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "a"
    point = {"kind": "points", "xy": [[40, 40]], "positive": [True]}
    with annotating(scene_clip, "-o", out) as (process, page), page.open() as state:
        assert (state["end"], state["objects"]) == (12, [])
        assert page.ask("prompt", object=None, frame=0, prompt=point)["object"] == 1
        rename = {"kind": "rename", "object": 1, "label": "car"}
        assert page.ask("edit", edit=rename)["revision"] == 0  # it has no mask yet
        assert page.ask("prompt", object=1, frame=3, prompt=point)["number"] == 2
        assert page.ask("undo")["step"]["title"] == "click"
        os.kill(process.pid, signal.SIGKILL)
    with annotating(out) as (_, page), page.open() as state:
        assert [(o["id"], o["label"]) for o in state["objects"]] == [(1, "car")]
        assert [(p["object"], p["frame"]) for p in state["pending"]] == [(1, 0)]
        assert state["undo"]["title"] == "name"
        assert state["redo"] == {"title": "click", "object": 1, "frame": 3}
        assert page.ask("redo")["step"]["title"] == "click"


def test_a_notebook_shows_the_page_and_has_the_run(scene_clip: Path, tmp_path: Path) -> None:
    with vseg.annotate(scene_clip, tmp_path / "run", host="127.0.0.1") as desk:
        html = desk._repr_html_()
        assert html.startswith(f'<iframe src="{desk.page.split("&")[0]}&amp;token=')
        page = OnePage(desk.page)
        with page.open():
            point = {"kind": "points", "xy": [[40, 40]], "positive": [True]}
            page.ask("prompt", object=None, frame=0, prompt=point)
            rename = {"kind": "rename", "object": 1, "label": "car"}
            page.ask("edit", edit=rename)
            assert desk.run.objects == ()
            page.ask("propagate", direction="forward", end=2)
            page.event("done")
        assert desk.run.labels == {1: "car"}
    assert vseg.open_run(tmp_path / "run").labels == {1: "car"}


def test_words_of_another_grounder(
    scene_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved_grounder("grounding-dino", tmp_path / "dino")
    words = {"kind": "text", "phrase": "the house"}
    monkeypatch.chdir(tmp_path)
    with (
        vseg.annotate(scene_clip, "run", host="127.0.0.1", grounder="dino") as desk,
        (page := OnePage(desk.page)).open(),
    ):
        assert page.ask("prompt", object=None, frame=0, prompt=words)["object"] == 1
        page.ask("propagate", direction="forward", first=0, end=2)
        assert page.event("done")["revision"] == 1
    # The run knows what it was annotated with, from every folder.
    monkeypatch.chdir("/")
    with vseg.annotate(tmp_path / "run", host="127.0.0.1") as desk:
        page = OnePage(desk.page)
        with page.open():
            assert page.ask("prompt", object=None, frame=4, prompt=words)["object"] == 2
    correct = ["correct", str(tmp_path / "run"), "--add", "5=car", "--text", "5@6:the house"]
    assert CliRunner().invoke(app, correct).exit_code == 0
    (tmp_path / "dino").rename(tmp_path / "away")
    with vseg.annotate(tmp_path / "run", host="127.0.0.1") as desk:
        page = OnePage(desk.page)
        with page.open():
            told = page.ask("prompt", object=None, frame=5, prompt=words)
            assert told["error"]["title"] == "BadPrompt"


def test_what_is_no_grounder_is_refused_at_once(scene_clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="unknown grounder 'words'"):
        vseg.annotate(scene_clip, tmp_path / "run", grounder="words")
    assert not (tmp_path / "run").exists()


def test_a_run_of_another_clip_is_refused(scene_clip: Path, tmp_path: Path) -> None:
    from vseg.results.writer import RunWriter

    header = header_of(VideoInfo("other.mp4", 96, 160, None, 3))
    RunWriter.create(tmp_path / "run", header).finish()
    with pytest.raises(BadRun, match="is not the clip"):
        vseg.annotate(scene_clip, tmp_path / "run")
