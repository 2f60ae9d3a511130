"""What it takes to try the code blocks of a Markdown page.

Enters: a page.  Leaves: nothing, or an error for the first block that does not hold.  Python
is executed; `vseg` lines go through the real parsers, or are run; other lines of a shell must
name what exists.
"""

import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping
from itertools import dropwhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from docs.pages import ROOT, CodeBlock, code_blocks
from tests.clips import Recipe, write_clip
from vseg.checked_settings import checked
from vseg.cli.command_line import app
from vseg.config import TrackConfig

HEIGHT, WIDTH = 320, 480
NOTHING_DETECTED = 4
"""What a concept prompt ends with in a clip that does not show it."""


class WrongExample(AssertionError):
    """A line of a code block does not hold."""


class Parsed(Exception):
    """Raised where a command has parsed what it was given and would begin its work."""


def write_examples(folder: Path) -> None:
    """The files that the pages speak of."""
    write_clip(folder / "clip.mp4", Recipe(num_frames=3, height=HEIGHT, width=WIDTH))
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[100:300, 300:500] = 1
    Image.fromarray(mask).save(folder / "first.png")
    (folder / "Annotations").mkdir()
    for number in range(3):
        Image.fromarray(mask).save(folder / "Annotations" / f"{number:05}.png")
    Image.fromarray(np.full((HEIGHT, WIDTH, 3), 90, np.uint8)).save(folder / "shoe.jpg")
    (folder / "det.txt").write_text("1,-1,300,100,200,200,0.9,1\n2,-1,302,100,200,200,0.9,1\n")
    (folder / "gt.txt").write_text("1,1,300,100,200,200,1,1,1\n2,1,302,100,200,200,1,1,1\n")
    (folder / "bag.mcap").touch()
    (folder / "words.txt").write_text("person\ncar\n")
    (folder / "yard.txt").write_text("rtsp://10.0.0.8/live\n")


def try_block(
    block: CodeBlock, names: dict[str, Any], shell: Callable[[list[str]], None]
) -> None:
    """Run or parse one block.  names: what the Python blocks of a page share."""
    if block.language == "python":
        exec(compile(block.code, f"line {block.line}", "exec"), names)
    elif block.language == "sh":
        for words in shell_lines(block.code):
            shell(words)
    elif block.language == "toml":
        checked(TrackConfig, tomllib.loads(block.code))
    elif block.language in ("json", "jsonl"):
        for text in block.code.splitlines() if block.language == "jsonl" else [block.code]:
            json.loads(text)
    elif block.language != "text":
        raise WrongExample(f"line {block.line}: a block of '{block.language}' cannot be tried")


def page_blocks(page: Path) -> Iterator[CodeBlock]:
    """The blocks of a file of the repository."""
    return code_blocks(page.read_text("utf-8"))


def shell_lines(code: str) -> Iterator[list[str]]:
    """The words of each command line, continued lines joined and comments left out."""
    for line in code.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            yield words


_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*=.*")


def parse_line(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Check one command line without running it; variables that are set for it alone may
    come first.  Raises WrongExample.
    """
    command = list(dropwhile(lambda word: _VARIABLE.fullmatch(word) is not None, words))
    kinds: Mapping[str, Callable[[list[str]], None]] = {
        "vseg": lambda rest: _parse_vseg(rest, monkeypatch),
        "make": _parse_make,
        "pip": _parse_pip,
        "python": _parse_python,
    }
    if not command or command[0] not in kinds:
        raise WrongExample(f"nobody knows how to check: {shlex.join(words)}")
    kinds[command[0]](command[1:])


def run_line(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a `vseg` line and parse any other.  Raises WrongExample unless it ends well."""
    if words[0] != "vseg":
        return parse_line(words, monkeypatch)
    answer = CliRunner().invoke(app, words[1:])
    if answer.exit_code not in (0, NOTHING_DETECTED):
        raise WrongExample(
            f"{shlex.join(words)}: exit code {answer.exit_code}\n{answer.output}"
        )
    return None


def _parse_vseg(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The application's own parsers, up to where the work begins."""
    command: Any = typer.main.get_command(app)
    command.load_all()
    path = ["vseg"]
    while words and hasattr(command, "commands"):
        if words[0] not in command.commands and hasattr(command, "default_command"):
            words = [command.default_command, *words]
        if words[0] not in command.commands:
            raise WrongExample(f"{' '.join(path)} has no command '{words[0]}'")
        path.append(words[0])
        command, words = command.commands[words[0]], words[1:]
    try:
        command.make_context(path[-1], list(words))
    except Exception as error:
        raise WrongExample(f"{shlex.join([*path, *words])}: {error}") from error
    if path[1] in ("track", "watch"):
        _parse_prompts([*path[1:], *words], monkeypatch)


def _parse_prompts(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise Parsed

    with monkeypatch.context() as patched:
        patched.setattr("vseg.cli.track.run_job", stop)
        # First, for this imports the module, which must keep the true function.
        patched.setattr("vseg.cli.live_loop.load_configured", stop)
        patched.setattr("vseg.pipelines.prepare.load_configured", stop)
        answer = CliRunner().invoke(app, words)
    if not isinstance(answer.exception, Parsed):
        raise WrongExample(f"vseg {shlex.join(words)}: {answer.output}")


def _parse_make(words: list[str]) -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))
    variables = set(re.findall(r"\$\((\w+)\)", text))
    for word in words:
        name, is_variable, _ = word.partition("=")
        if name not in (variables if is_variable else targets):
            raise WrongExample(f"the Makefile has no '{name}'")


def _parse_pip(words: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for extra in re.findall(r"\[(\w+)\]", " ".join(words)):
        if extra not in project["optional-dependencies"]:
            raise WrongExample(f"there is no extra '{extra}'")


def _parse_python(words: list[str]) -> None:
    """The script is there, and so is each option in it or in what the benchmarks share."""
    as_module = words[0] == "-m"
    script = ROOT / (f"{words[1].replace('.', '/')}.py" if as_module else words[0])
    if not script.is_file():
        raise WrongExample(f"there is no script {script.relative_to(ROOT)}")
    known = script.read_text("utf-8") + (ROOT / "benchmarks" / "shared.py").read_text("utf-8")
    for word in words[1:]:
        if word.startswith("--") and f'"{word}"' not in known:
            raise WrongExample(f"{script.relative_to(ROOT)} has no option {word}")
