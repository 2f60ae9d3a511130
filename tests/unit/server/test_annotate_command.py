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
from websockets.sync.client import ClientConnection, connect

import vseg
from tests.runs import header_of
from vseg.errors import BadRun
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
        assert page.ask("edit", edit=rename)["revision"] == 1
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
        assert desk.run.labels == {1: "car"}
    assert vseg.open_run(tmp_path / "run").labels == {1: "car"}


def test_a_run_of_another_clip_is_refused(scene_clip: Path, tmp_path: Path) -> None:
    from vseg.results.writer import RunWriter

    header = header_of(VideoInfo("other.mp4", 96, 160, None, 3))
    RunWriter.create(tmp_path / "run", header).finish()
    with pytest.raises(BadRun, match="is not the clip"):
        vseg.annotate(scene_clip, tmp_path / "run")
