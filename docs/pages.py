"""The pages of the site: which file of the repository each one is, and its text for the site.

Enters: Markdown that also reads well where it lies.  Leaves: the same with links that hold
within the site, images beside it, and the files that `<!-- include: PATH -->` names.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

PAGES = {
    "index.md": "docs/index.md",
    "prompts.md": "docs/prompts.md",
    "cli.md": "docs/cli.md",
    "python.md": "docs/python.md",
    "robots.md": "docs/robots.md",
    "models.md": "docs/models.md",
    "nano.md": "vseg/models/nano/weights/README.md",
    "runs.md": "docs/runs.md",
    "exchange.md": "docs/exchange.md",
    "batch.md": "docs/batch.md",
    "batch-planning.md": "docs/batch-planning.md",
    "correct.md": "docs/correct.md",
    "review.md": "docs/review.md",
    "events.md": "docs/events.md",
    "live.md": "docs/live.md",
    "evaluation.md": "docs/evaluation.md",
    "annotate.md": "docs/annotate.md",
    "server.md": "docs/server.md",
    "plugs.md": "docs/plugs.md",
    "trackers.md": "docs/trackers.md",
    "vseg_trackers.md": "trackers/README.md",
    "training.md": "docs/training.md",
    "benchmarks.md": "benchmarks/README.md",
    "notes-annotating.md": "benchmarks/notes/annotating.md",
    "notes-association.md": "benchmarks/notes/association.md",
    "notes-carriers.md": "benchmarks/notes/carriers.md",
    "notes-clicks.md": "benchmarks/notes/clicks.md",
    "notes-corrections.md": "benchmarks/notes/corrections.md",
    "notes-davis.md": "benchmarks/notes/davis.md",
    "notes-detection.md": "benchmarks/notes/detection.md",
    "notes-identities.md": "benchmarks/notes/identities.md",
    "notes-live.md": "benchmarks/notes/live.md",
    "notes-presence.md": "benchmarks/notes/presence.md",
    "notes-runtimes.md": "benchmarks/notes/runtimes.md",
    "notes-sam2.md": "benchmarks/notes/sam2.md",
    "notes-small-objects.md": "benchmarks/notes/small_objects.md",
    "notes-start-up.md": "benchmarks/notes/start_up.md",
    "notes-streets.md": "benchmarks/notes/streets.md",
    "notes-vot.md": "benchmarks/notes/vot.md",
    "gpu.md": "benchmarks/gpu/README.md",
    "design.md": "docs/design.md",
    "map.md": "vseg/README.md",
    "glossary.md": "docs/glossary.md",
    "demos.md": "demos/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
"""File of the site by file of the repository."""

_FENCE = re.compile(
    r"^(```+)(?P<language>[^\n`]*)\n(?P<code>.*?)^\1[ ]*$", re.DOTALL | re.MULTILINE
)
_INCLUDE = re.compile(r"^<!-- include: (\S+) -->$", re.MULTILINE)
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
_INLINE_CODE = re.compile(r"`[^`\n]+`")


class BrokenPage(Exception):
    """A page says something that does not hold: which page, and what."""


@dataclass(frozen=True)
class CodeBlock:
    """One fenced block: the language after the fence, its text, and the line it begins on."""

    language: str
    code: str
    line: int


@dataclass(frozen=True)
class StagedPage:
    """The text of a page for the site, and its images: name within the site, and file."""

    text: str
    images: dict[str, Path]


def code_blocks(text: str) -> Iterator[CodeBlock]:
    """The fenced blocks of a Markdown text, in order."""
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield CodeBlock(match["language"].strip(), match["code"], line)


def staged_page(source: Path, generated: Callable[[str], str]) -> StagedPage:
    """The page that a file of the repository becomes.

    generated: text for an include that names no file.  Raises BrokenPage for a link or an
    include that leads nowhere.
    """
    images: dict[str, Path] = {}

    def link(match: re.Match[str]) -> str:
        return _site_link(source, match, images)

    text = _outside_code(source.read_text("utf-8"), lambda part: _LINK.sub(link, part))
    text = _outside_code(text, lambda part: _INLINE_CODE.sub(_without_escapes, part))
    text = _INCLUDE.sub(lambda match: _included(source, match[1], generated), text)
    return StagedPage(text, images)


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text with every part outside fenced blocks changed."""
    parts: list[str] = []
    end = 0
    for match in _FENCE.finditer(text):
        parts += [change(text[end : match.start()]), match.group()]
        end = match.end()
    return "".join([*parts, change(text[end:])])


def _without_escapes(match: re.Match[str]) -> str:
    r"""Inline code with `\|` as a bar: hubs need the escape, Python-Markdown shows it."""
    return match.group().replace("\\|", "|")


def _included(source: Path, name: str, generated: Callable[[str], str]) -> str:
    path = ROOT / name
    if "." not in name:
        return generated(name)
    if not path.is_file():
        raise BrokenPage(f"{source}: includes {name}, which is not there")
    return f"```{path.suffix[1:]}\n{path.read_text('utf-8')}```"


def _site_link(source: Path, match: re.Match[str], images: dict[str, Path]) -> str:
    """A link as it holds within the site.

    A page of the repository becomes a page of the site and an image lies beside it; any other
    file of the repository is not part of the site, so its link becomes its text.
    """
    target, _, anchor = match["target"].partition("#")
    if not target or re.match(r"[a-z]+:", target):
        return match.group()
    path = (source.parent / target).resolve()
    if not path.exists() or not path.is_relative_to(ROOT):
        raise BrokenPage(f"{source}: the link to {match['target']} leads nowhere")
    relative = path.relative_to(ROOT).as_posix()
    for page, file in PAGES.items():
        if file == relative:
            fragment = f"#{anchor}" if anchor else ""
            return f"{match['image']}[{match['text']}]({page}{fragment})"
    if match["image"]:
        name = f"images/{relative.replace('/', '-')}"
        images[name] = path
        return f"{match['image']}[{match['text']}]({name})"
    text: str = match["text"]
    return text if text.startswith("`") else f"`{text}`"
