"""How commands end that nobody waits for any longer, and that were begun by mistake."""

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.unit.cli.conftest import call
from vseg.cli.app import main
from vseg.cli.command import Command
from vseg.ops.counted import counted


def ended(body: object) -> int:
    """The exit code of a command that does this."""
    app = typer.Typer()
    app.command("wait", cls=Command)(body)  # type: ignore[type-var]
    return CliRunner().invoke(app, []).exit_code


def test_sigterm_closes_what_is_open_and_has_an_exit_code_of_its_own() -> None:
    closed = []

    def load() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            closed.append(True)

    before = signal.getsignal(signal.SIGTERM)
    assert (ended(load), closed) == (130, [True])
    assert signal.getsignal(signal.SIGTERM) is before


class _Interrupted:
    """Ctrl-C while a module is looked for."""

    def __init__(self, module: str) -> None:
        self.module = module

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name == self.module:
            raise KeyboardInterrupt


@pytest.mark.parametrize("module", ["vseg.cli.command_line", "vseg.cli.probe_command"])
def test_ctrl_c_while_a_command_is_loaded_is_no_traceback(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["vseg", "probe", "clip.mp4"])
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "meta_path", [_Interrupted(module), *sys.meta_path])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("track", "clip.mp4", "--point", "5,5", "-o", ""), "-o"),
        (("track", "clip.mp4", "--point", "5,5", "--out="), "--out"),
        (("track", "", "--point", "5,5", "-o", "run"), "vseg track"),
        (("render", ""), "vseg render"),
        (("batch", "run", "jobs.jsonl", "-o", ""), "-o"),
        (("models", "path", ""), "vseg path"),
    ],
)
def test_an_empty_word_is_no_name(
    words: tuple[str, ...], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The current folder would be written, if it is empty."""
    monkeypatch.chdir(tmp_path)
    answer = call(*words)
    assert answer.exit_code == 2
    said = " ".join(answer.stderr.replace("│", " ").split())
    assert f"an empty word follows {named}" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [("--out=run=",), ("-o", "run="), ("--out", "=")])
def test_a_value_may_end_with_an_equals_sign(words: tuple[str, ...], tmp_path: Path) -> None:
    answer = call("track", tmp_path / "gone.mp4", "--point", "5,5", *words)
    assert (answer.exit_code, "empty word" in answer.stderr) == (3, False)


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_is_told_to_end_has_done_its_work(
    number: signal.Signals, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "vseg", "serve", "--root", str(tmp_path), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stdout is not None
        address = serving.stdout.readline().split()[-1]
        with urllib.request.urlopen(f"{address}/healthz", timeout=30) as page:
            assert page.status == 200
        serving.send_signal(number)
        _, said = serving.communicate(timeout=60)
    assert serving.returncode == 0, said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("track", "clip.mp4", "--point", "5,5", "-o", "-"), "--out"),
        (("export", "run", "--to", "coco", "-o", "-"), "--out"),
        (("render", "-"), "run"),
    ],
)
def test_no_file_is_called_as_stdout_is(
    words: tuple[str, ...], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = call(*words)
    assert answer.exit_code == 2
    assert f"{named} is a file" in " ".join(answer.stderr.replace("│", " ").split())
    assert not list(tmp_path.iterdir())


def test_an_option_of_other_commands_is_named_with_them() -> None:
    answer = call("track", "clip.mp4", "--point", "5,5", "-o", "run", "--zones", "zones.toml")
    assert answer.exit_code == 2
    said = " ".join(answer.stderr.replace("│", " ").split())
    assert "(it is one of vseg watch, vseg frame, vseg events)" in said


def test_things_are_counted_in_their_number() -> None:
    assert (counted(1, "frame"), counted(0, "frame")) == ("1 frame", "0 frames")
