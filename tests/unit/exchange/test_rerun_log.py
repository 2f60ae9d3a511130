"""A recording that Rerun itself verifies, and a viewer that reports nothing."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.rtsp_server import free_tcp_port
from vseg.errors import ExtraMissing, OutputError
from vseg.exchange import rerun_log
from vseg.exchange.rerun_log import SPAWN, LoggedFrame, RerunLog, class_of
from vseg.frame_masks import FrameMasks
from vseg.types import Frame

pytest.importorskip("rerun", reason="needs the extra vseg[rerun]")
pytestmark = pytest.mark.integration


def scene(index: int) -> tuple[Frame, FrameMasks]:
    """Two objects, of which the second is not there on odd frames."""
    frame = Frame(index, None, index / 25, np.full((48, 64, 3), 90, np.uint8))
    first = np.zeros((48, 64), bool)
    first[10:20, 10 + index : 20 + index] = True
    second = np.zeros((48, 64), bool)
    second[30:40, 40:50] = index % 2 == 0
    return frame, FrameMasks.of(frame, {1: first, 70_000: second}, {1: 0.9})


def rrd(*words: str) -> str:
    """What `rerun rrd` prints, with its own words for an error."""
    program = Path(sys.executable).with_name("rerun")
    run = subprocess.run(
        [program, "rrd", *words],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"CI": "true"},
    )
    assert run.returncode == 0, run.stderr
    return run.stdout + run.stderr


def test_rerun_verifies_what_is_logged(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.rrd"
    with RerunLog(str(path), "door") as log:
        for index in range(4):
            frame, masks = scene(index)
            log.log(LoggedFrame(frame, masks, {1: "person"}, [f"line {index}"], 0.02))
            log.log(LoggedFrame(frame, masks, {}), "gate")
    assert "1 file verified" in rrd("verify", str(path))
    printed = rrd("print", "-v", str(path))
    for entity in (
        "/camera",
        "/camera/masks",
        "/camera/boxes",
        "/camera/events",
        "/camera/latency_ms",
        "/gate/masks",
    ):
        assert entity in printed
    assert "SegmentationImage" in printed


def test_a_file_is_not_replaced_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.rrd"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        RerunLog(str(path), "door")
    with RerunLog(str(path), "door", overwrite=True) as log:
        log.log(LoggedFrame(*scene(0), {}))
    assert path.read_bytes() != b"mine"
    with pytest.raises(OutputError, match="cannot write"):
        RerunLog(str(tmp_path / "a.rrd" / "b.rrd"), "door")


def test_the_viewer_that_is_started_reports_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    script = (
        f"import os; open({str(seen)!r}, 'w').write(os.environ['CI']); raise SystemExit(3)"
    )
    monkeypatch.setattr(rerun_log, "VIEWER", [sys.executable, "-c", script])
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(OutputError, match="ended with status 3"):
        RerunLog(SPAWN, "door")
    assert seen.read_text() == "true"
    assert "CI" not in os.environ


def test_a_viewer_that_fails_once_it_listens_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = free_tcp_port()
    script = (
        f"import socket; s = socket.create_server(('127.0.0.1', {port}));"
        "s.accept(); raise SystemExit(3)"
    )
    monkeypatch.setattr(rerun_log, "VIEWER", [sys.executable, "-c", script])
    monkeypatch.setattr(rerun_log, "PORT", port)
    monkeypatch.setattr(rerun_log, "_FLUSH_S", 1.0)
    with pytest.raises(OutputError, match="ended with status 3"), RerunLog(SPAWN, "a") as log:
        log.log(LoggedFrame(*scene(0), {}))


def test_logging_to_a_file_reports_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with RerunLog(str(tmp_path / "a.rrd"), "door") as log:
        log.log(LoggedFrame(*scene(0), {}))
    # Where Rerun reports, it keeps what it sent, and an id.
    assert [path.name for path in tmp_path.iterdir()] == ["a.rrd"]


def test_class_ids_have_sixteen_bits() -> None:
    assert [class_of(obj) for obj in (1, 65535, 65536, 70_000)] == [1, 65535, 1, 4465]


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rerun_log, "find_spec", lambda _: None)
    with pytest.raises(ExtraMissing, match="rerun-sdk is not installed"):
        RerunLog("a.rrd", "door")
