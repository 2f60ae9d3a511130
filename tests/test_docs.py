"""The documentation promises only what is there: its examples run, and its links hold."""

import re
from pathlib import Path

import pytest

import vseg
from docs.build import generated
from docs.command_reference import command_reference
from docs.pages import PAGES, ROOT, BrokenPage, CodeBlock, staged_page
from docs.site_check import site_problems
from tests.doc_examples import (
    WrongExample,
    page_blocks,
    parse_line,
    run_line,
    try_block,
    write_examples,
)
from tests.test_layers import LAYERS
from vseg.cli.command_line import app
from vseg.errors import ExitCode, VsegError

SOURCES = ["README.md", *PAGES.values()]
TRIED_ELSEWHERE = {"docs/server.md"}
"""Its examples speak to a service: `tests/unit/server/test_server_page.py`."""
WITH_CODE = [
    source
    for source in SOURCES
    if source not in TRIED_ELSEWHERE and list(page_blocks(ROOT / source))
]
RUN = ("docs/index.md", "docs/runs.md")
"""Pages whose `vseg` lines are run one after the other; those of the others are parsed."""
FILES = {path.name for part in ("vseg", "trackers") for path in (ROOT / part).rglob("*.py")}
WRITTEN = {"OUT", "RUN", "build", "runs", "exemplars", "masks", "revisions", "zones.toml"}
"""Folders and files that commands write."""


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the pages speak of."""
    folder = tmp_path_factory.mktemp("examples")
    write_examples(folder)
    return folder


@pytest.mark.integration
@pytest.mark.parametrize("source", WITH_CODE)
def test_the_code_of_a_page_holds(
    source: str, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in examples.iterdir():
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    try_line = run_line if source in RUN else parse_line
    for block in page_blocks(ROOT / source):
        try_block(block, names, lambda words: try_line(words, monkeypatch))


@pytest.mark.integration
@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("sh", "vseg tarck clip.mp4 -o runs/a"),
        ("sh", "vseg track clip.mp4 -o runs/a --pint 412,220"),
        ("sh", "vseg track clip.mp4 -o runs/a --point 412"),
        ("sh", "vseg track clip.mp4 -o runs/a --point x@0:412,220"),
        ("sh", "vseg track clip.mp4 -o runs/a --mask nowhere.png"),
        ("sh", "vseg models pul edgetam"),
        ("sh", "make dmeo"),
        ("sh", "pip install '.[onx]'"),
        ("sh", "python benchmarks/davis.py DAVIS --promtps mask"),
        ("sh", "VSEG_RUNTIME=torch python benchmarks/davis.py DAVIS --promtps mask"),
        ("sh", "VSEG_RUNTIME=torch"),
        ("sh", "curl example.com"),
        ("python", "import vseg\nvseg.no_such_name"),
        ("toml", "modle = 'nano'"),
        ("json", "{"),
        ("", "vseg track"),
    ],
)
def test_an_example_that_does_not_hold_is_noticed(
    language: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = CodeBlock(language, code, line=1)
    with pytest.raises((WrongExample, VsegError, AttributeError, ValueError)):
        try_block(block, {}, lambda words: parse_line(words, monkeypatch))


@pytest.mark.parametrize("source", SOURCES)
def test_the_links_of_a_page_hold(source: str) -> None:
    assert staged_page(ROOT / source, generated).text


def test_every_image_of_a_page_is_shown_on_the_site() -> None:
    for source in SOURCES:
        page = staged_page(ROOT / source, generated)
        written = len(re.findall(r"^.*!\[", (ROOT / source).read_text("utf-8"), re.MULTILINE))
        assert len(page.images) == written, source


@pytest.mark.parametrize("source", SOURCES)
def test_the_files_that_a_page_names_are_there(source: str) -> None:
    page = ROOT / source
    named = re.findall(
        r"`((?:[\w.-]+/)*(?:[\w-]+\.(?:py|toml|md)|(?<=/)))`", page.read_text("utf-8")
    )
    bases = (ROOT, ROOT / "vseg", page.parent)
    lost = {
        name
        for name in named
        if name.split("/")[0] not in WRITTEN and not any((b / name).exists() for b in bases)
    }
    assert {name for name in lost if "/" in name or name not in FILES} == set()


@pytest.mark.parametrize("source", ["CONTRIBUTING.md", "docs/design.md"])
def test_the_picture_of_the_layers_is_what_the_layer_test_enforces(source: str) -> None:
    blocks = page_blocks(ROOT / source)
    (picture,) = (block.code for block in blocks if block.code.startswith("cli"))
    drawn = [set(line.split(" | ")) for line in reversed(picture.splitlines())]
    beside = {"demos", "benchmarks", "vseg_trackers"}
    enforced = [set(layer) for layer in LAYERS if layer != ("__main__",)]
    assert [names - beside for names in drawn] == enforced


def test_every_exit_code_is_explained() -> None:
    text = (ROOT / "docs" / "runs.md").read_text("utf-8")
    section = text.split("## Exit codes")[1].split("##")[0]
    explained = re.findall(r"^\| (\d+) \|", section, re.MULTILINE)
    assert [int(code) for code in explained] == sorted(ExitCode)


def test_the_reference_has_every_public_name() -> None:
    text = (ROOT / "docs" / "python.md").read_text("utf-8")
    assert set(re.findall(r"^::: vseg\.(\w+)$", text, re.MULTILINE)) == set(vseg.__all__)


def test_every_page_is_in_the_navigation() -> None:
    settings = (ROOT / "docs" / "zensical.toml").read_text("utf-8")
    assert sorted(re.findall(r'= "([\w-]+\.md)"', settings)) == sorted(PAGES)


def test_links_become_links_within_the_site(tmp_path: Path) -> None:
    page = staged_page(ROOT / "docs" / "prompts.md", generated)
    assert "](nano.md)" in page.text
    assert "](images/docs-images-prompts-click.jpg)" in page.text
    assert set(page.images) >= {"images/docs-images-prompts-click.jpg"}
    broken = tmp_path / "page.md"
    broken.write_text("see [the rest](nowhere.md)")
    with pytest.raises(BrokenPage, match=r"nowhere\.md"):
        staged_page(broken, generated)


def test_the_reference_has_every_command_and_its_options() -> None:
    text = command_reference(app)
    for expected in ("## vseg track", "## vseg models pull", "`--point [[OBJ]", "`--json`"):
        assert expected in text


@pytest.mark.parametrize(
    ("markup", "problem"),
    [
        ("<a href='gone.html'>", "gone.html leads nowhere"),
        ("<a href='#gone'>", "names no heading"),
        ("<img src='gone.png'>", "gone.png leads nowhere"),
        ("<script src='https://example.com/x.js'></script>", "from elsewhere"),
        ("<link rel='stylesheet' href='https://example.com/x.css'>", "from elsewhere"),
    ],
)
def test_a_fault_of_the_built_site_is_found(tmp_path: Path, markup: str, problem: str) -> None:
    whole = "<h1 id='here'>x</h1><a href='#here'></a><a href='https://example.com'></a>"
    (tmp_path / "index.html").write_text(whole)
    assert site_problems(tmp_path) == []
    (tmp_path / "index.html").write_text(whole + markup)
    assert [problem in fault for fault in site_problems(tmp_path)] == [True]


def test_the_readme_is_short_and_begins_with_code() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(re.findall(r"\S+", text)) <= 900
    assert "```sh" in text.splitlines()[:10]
