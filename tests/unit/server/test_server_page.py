"""The page on the service: its examples are tried against one."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.pages import ROOT, CodeBlock
from tests.clips import Recipe, write_clip
from tests.doc_examples import page_blocks, parse_line, try_block
from tests.served import ServiceProcess, service_process

pytestmark = pytest.mark.integration

BLOCKS = list(page_blocks(ROOT / "docs" / "server.md"))
OVER_HTTP = [block for block in BLOCKS if "curl" in block.code]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    root = tmp_path_factory.mktemp("page") / "clips"
    root.mkdir()
    with service_process(root) as started:
        yield started


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the clip that the page speaks of."""
    write_clip(tmp_path / "clip.mp4", Recipe(num_frames=3, height=320, width=480))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def addressed(block: CodeBlock, service: ServiceProcess) -> CodeBlock:
    """The block as who has this service would type it."""
    code = block.code.replace("http://127.0.0.1:8707", service.address)
    code = code.replace('key="KEY"', f'key="{service.key}"').replace(
        "KEY=KEY", f"KEY={service.key}"
    )
    return CodeBlock(block.language, code, block.line)


def test_the_python_of_the_page_runs(service: ServiceProcess, place: Path) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    for block in BLOCKS:
        if block.language == "python":
            try_block(addressed(block, service), names, lambda words: None)
    assert json.loads((place / "coco.json").read_bytes())["images"]


def test_the_commands_of_the_page_are_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    for block in BLOCKS:
        if block.language in ("sh", "json") and block not in OVER_HTTP:
            try_block(block, {}, lambda words: parse_line(words, monkeypatch))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_requests_of_the_page_are_answered(service: ServiceProcess, place: Path) -> None:
    lines = "".join(addressed(block, service).code for block in OVER_HTTP)
    script = "set -euo pipefail\n" + lines.replace("curl -s", "curl -sSf")
    # The page says `python`: here it is the one that runs the tests.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"PATH": path},
    )
    assert done.returncode == 0, done.stderr
    assert "event: done" in done.stdout
    assert '"complete"' in done.stdout
    assert (place / "frame.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert (place / "labels.png").read_bytes()[1:4] == b"PNG"
    assert (place / "masks.parquet").read_bytes()[:4] == b"PAR1"
