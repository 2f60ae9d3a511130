"""The README does not promise what is not there: its commands, options and Python run."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.clips import Recipe, write_clip
from vseg.cli.app import app

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[list[str]]:
    """Every `vseg ...` line of the shell blocks, as words."""
    text = "\n".join(blocks("sh")).replace("\\\n", " ")
    lines = [line.split(" #")[0].strip() for line in text.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("vseg ")]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_command_has_the_options_it_is_shown_with(words: list[str]) -> None:
    names = words[:2] if words[0] == "train" else words[:1]
    answer = CliRunner().invoke(app, [*names, "--help"], env={"COLUMNS": "200"})
    assert answer.exit_code == 0
    for word in words[1:]:
        if word.startswith("-"):
            assert word in answer.output


def test_the_python_example_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = write_clip(tmp_path / "clip.mp4", Recipe(num_frames=3))
    (code,) = blocks("python")
    exec(compile(code.replace("clip.mp4", str(clip)), "README.md", "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) == 6


def test_links_lead_somewhere() -> None:
    for page in (
        ROOT / "README.md",
        ROOT / "vseg" / "README.md",
        ROOT / "demos" / "README.md",
    ):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"
