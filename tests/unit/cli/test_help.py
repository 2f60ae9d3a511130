"""The help teaches what the parsers take: its examples, and the grammar of prompt options."""

import inspect
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image

from docs.pages import ROOT
from tests.doc_examples import parse_line, shell_lines, write_examples
from tests.test_layers import imported, module_name
from tests.unit.cli.conftest import call
from vseg.cli import options
from vseg.cli.command_line import app
from vseg.cli.command_table import COMMANDS
from vseg.prompts.parse import (
    parse_boxes,
    parse_concepts,
    parse_masks,
    parse_points,
    parse_polygons,
    parse_scribbles,
)
from vseg.types import Prompt, Timecode

PREFIXES = {
    "": (1, Timecode(0)),
    "2:": (2, Timecode(0)),
    "@7:": (1, Timecode(7)),
    "2@7:": (2, Timecode(7)),
    "2@1.5s:": (2, Timecode(time_s=1.5)),
}
"""The forms of `[[OBJ][@FRAME]:]`, with the object and the place they stand for."""
ENTRIES = {entry.name: entry for entries in COMMANDS.values() for entry in entries}


def test_the_list_of_commands_says_what_each_command_says_of_itself() -> None:
    group: Any = typer.main.get_command(app)
    listed = {name: command.help for name, command in group.commands.items()}
    group.load_all()
    for name, summary in listed.items():
        own = inspect.cleandoc(group.commands[name].help).split("\n\n")[0]
        assert summary == " ".join(own.split()), name


def test_every_module_of_commands_is_listed() -> None:
    """A module of `vseg.cli` that no other imports is one of commands."""
    files = [ROOT / "vseg" / "__main__.py", *(ROOT / "vseg" / "cli").glob("*.py")]
    used = {
        target.split(".")[2]
        for file in files
        for _, target in imported(file, module_name(file, ROOT))
        if target.startswith("vseg.cli.")
    }
    listed = {entry.place.partition(":")[0] for entry in ENTRIES.values()}
    assert {file.stem for file in files} - used - listed == {"__init__", "__main__"}


def test_the_help_of_one_command_loads_no_other() -> None:
    code = (
        "import sys; from typer.testing import CliRunner;"
        "from vseg.cli.command_line import app;"
        "CliRunner().invoke(app, sys.argv[1:]); print(*sys.modules)"
    )
    places = {f"vseg.cli.{entry.place.partition(':')[0]}" for entry in ENTRIES.values()}
    probe = (["probe", "--help"], {"vseg.cli.probe_command"})
    for words, loaded in [(["--help"], set()), probe]:
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
        )
        assert places & set(done.stdout.split()) == loaded


def test_the_list_of_commands_has_a_section_for_each_panel_and_loads_no_rich() -> None:
    """Loading rich takes as long as all else that the list needs."""
    code = (
        "import sys; from typer.testing import CliRunner;"
        "from vseg.cli.command_line import app;"
        "print(CliRunner().invoke(app, ['--help']).stdout); print('rich' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == "False"
    for panel, entries in COMMANDS.items():
        section = done.stdout.partition(f"\n{panel}:\n")[2].partition("\n\n")[0]
        listed = {line.split()[0] for line in section.splitlines()}
        assert listed >= {entry.name for entry in entries}


@pytest.mark.integration
@pytest.mark.parametrize(
    "command", [name for name, entry in ENTRIES.items() if entry.examples]
)
def test_the_examples_of_the_help_hold(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_examples(tmp_path)
    monkeypatch.chdir(tmp_path)
    shown = " ".join(call(command, "--help").stdout.split())
    for example in ENTRIES[command].examples:
        assert example in shown
        for words in shell_lines(example):
            parse_line(words, monkeypatch)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    ("option", "parse", "rest"),
    [
        (options.Points, parse_points, ["4,5", "4,5+", "4,5-"]),
        (options.Boxes, parse_boxes, ["1,2,3,4"]),
        (options.Scribbles, parse_scribbles, ["4,5 6,7", "4,5 6,7 8,9-"]),
        (options.Polygons, parse_polygons, ["4,5 6,7 8,2"]),
        (options.Masks, parse_masks, ["mask.png"]),
        (options.Texts, lambda specs: parse_concepts(specs, ()), ["a dog", "a dog=0.4"]),
        (
            options.Exemplars,
            lambda specs: parse_concepts((), specs),
            ["a.png:0,0,4,4", "a.png:mask.png=0.4"],
        ),
    ],
)
def test_a_prompt_option_takes_the_grammar_that_its_help_shows(
    option: object,
    parse: Callable[[list[str]], Iterable[Prompt]],
    rest: list[str],
    prefix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (shown,) = option.__metadata__  # type: ignore[attr-defined]
    assert shown.metavar.startswith("[[OBJ][@FRAME]:]")
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (9, 9)).save("a.png")
    Image.new("L", (9, 9), 1).save("mask.png")
    for spec in rest:
        (prompt,) = parse([prefix + spec])
        obj, at = PREFIXES[prefix]
        every = prefix == "" and option in (options.Texts, options.Exemplars)
        assert (prompt.object_id, prompt.at) == (None if every else obj, at)


@pytest.mark.parametrize("command", ["track", "watch"])
def test_both_ways_to_track_list_the_same_prompts_and_settings(command: str) -> None:
    text = call(command, "--help").stdout
    for option in (
        "--scribble",
        "--polygon",
        "--exemplar",
        "--tagger",
        "--weights",
        "--memory-budget",
    ):
        assert option in text
