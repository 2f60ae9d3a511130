"""A run has one writer: the second is refused, what a killed one left behind is not."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from vseg.errors import OutputError, RunBusy
from vseg.results.layout import LOCK, RunState, run_state
from vseg.results.write_lock import ABANDONED_S, check_writer, write_lock


def claim(run: Path, **changes: object) -> None:
    """The file that another process would leave."""
    run.mkdir()
    with write_lock(run):
        values = json.loads((run / LOCK).read_text())
    (run / LOCK).write_text(json.dumps(values | changes))


def dead_pid() -> int:
    """The number of a process that has ended."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_a_second_writer_is_refused_by_name(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with write_lock(run):
        with pytest.raises(OutputError, match=f"process {os.getpid()} on"), write_lock(run):
            pass
        assert (run / LOCK).exists()


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with write_lock(tmp_path / "run"):
        assert run_state(tmp_path / "run") is RunState.ABSENT
    assert list(tmp_path.iterdir()) == []


def test_what_the_writer_made_stays(tmp_path: Path) -> None:
    with pytest.raises(ValueError), write_lock(tmp_path / "run"):
        (tmp_path / "run" / "kept").touch()
        raise ValueError
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["kept"]


@pytest.mark.parametrize("how", ["ended", "number given out again"])
def test_the_file_of_a_process_that_is_gone_is_stale(how: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    if how == "ended":
        claim(run, pid=dead_pid())
    else:
        claim(run, started=1)
        if not Path("/proc/self/stat").exists():
            pytest.skip("this system does not tell when a process began")
    with write_lock(run):
        assert json.loads((run / LOCK).read_text())["pid"] == os.getpid()


@pytest.mark.parametrize("text", ["", "{}", None])
def test_what_may_still_write_is_believed(text: str | None, tmp_path: Path) -> None:
    run = tmp_path / "run"
    claim(run, host="elsewhere")
    if text is not None:
        (run / LOCK).write_text(text)
    with pytest.raises(OutputError) as refused, write_lock(run):
        pass
    assert "delete" in (refused.value.hint or "")


def test_a_process_of_another_container_may_still_write(tmp_path: Path) -> None:
    run = tmp_path / "run"
    claim(run, pid=dead_pid(), namespace="pid:[1]")
    with pytest.raises(RunBusy), write_lock(run):
        pass


@pytest.mark.parametrize("text", ["", None])
def test_what_is_not_renewed_any_more_is_stale(text: str | None, tmp_path: Path) -> None:
    run = tmp_path / "run"
    claim(run, host="elsewhere")
    if text is not None:
        (run / LOCK).write_text(text)
    long_ago = time.time() - ABANDONED_S - 1
    os.utime(run / LOCK, (long_ago, long_ago))
    with write_lock(run):
        assert json.loads((run / LOCK).read_text())["pid"] == os.getpid()


def test_a_writer_gives_signs_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vseg.results.write_lock.RENEWED_S", 0.01)
    run = tmp_path / "run"
    with write_lock(run):
        os.utime(run / LOCK, (0, 0))
        for _ in range(500):
            if (run / LOCK).stat().st_mtime > 0:
                break
            time.sleep(0.01)
        assert (run / LOCK).stat().st_mtime > 0


def test_a_writer_that_was_believed_dead_writes_no_more(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with write_lock(run):
        check_writer(run)
        values = json.loads((run / LOCK).read_text())
        (run / LOCK).write_text(json.dumps(values | {"host": "elsewhere"}))
        with pytest.raises(RunBusy, match="taken"):
            check_writer(run)
    assert (run / LOCK).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that is always full")
def test_a_full_disk_leaves_no_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claimed: Any = Path.open

    def full(path: Path, mode: str = "r", **kind: str) -> object:
        if mode != "x":
            return claimed(path, mode, **kind)
        claimed(path, mode, **kind).close()
        return claimed(Path("/dev/full"), "w", **kind)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OutputError, match="No space left"), write_lock(tmp_path / "run"):
        pass
    assert not (tmp_path / "run" / LOCK).exists()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match="cannot write"),
        write_lock(tmp_path / "file" / "run"),
    ):
        pass
