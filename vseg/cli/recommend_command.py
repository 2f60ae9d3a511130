"""`vseg models recommend`: which model to take on this device, and why."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vseg.cli import options
from vseg.cli.answers import show_json, show_pairs

if TYPE_CHECKING:
    from vseg.pipelines.recommend import Candidate

_COLUMNS = ("model", "kind", "on this device", "size", "licence", "published")

_ANY_WORDS = "*"
"""Stands for a phrase that was left out: an empty word is refused by every command."""


def recommend(
    objects: Annotated[
        int, typer.Option("--objects", min=1, max=100, help="Objects tracked at once.")
    ] = 1,
    fps: Annotated[
        float | None, typer.Option("--fps", min=0.001, help="Frames per second to reach.")
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(
            "--text", metavar="[PHRASE]", help="Words too: this phrase, or any if left out."
        ),
    ] = None,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda or cuda:N.")] = "cpu",
    as_json: options.Json = False,
) -> None:
    """Measure the models on this machine for some seconds each, and say which to take.

    Measurements are kept by weights, device and settings; a second call measures nothing.
    """
    from vseg.pipelines.recommend import Wish
    from vseg.pipelines.recommend import recommend as recommended

    wish = Wish(objects, fps, "" if text == _ANY_WORDS else text, device)
    made = recommended(wish, lambda line: print(line, file=sys.stderr))
    if as_json:
        show_json(asdict(made))
        return
    show_pairs({"device": made.device, "model": made.tracker, "words": made.grounder or "-"})
    print(*(f"- {reason}" for reason in made.reasons), sep="\n")
    print(f"\n{made.command}\n")
    show_table([_COLUMNS, *(_row(one) for one in made.candidates)])


def _row(one: "Candidate") -> tuple[str, ...]:
    size = f"{one.mib} MiB"
    return one.name, one.kind, _here(one), size, one.licence, one.published


def _here(one: "Candidate") -> str:
    """What was measured of a model on this device, or why nothing was."""
    if one.failed:
        return one.failed
    if one.speed.frames_per_s is not None:
        return f"{one.speed.frames_per_s:.3g} frames/s"
    if one.speed.detection_ms is not None:
        return f"{one.speed.detection_ms:.0f} ms per detection"
    return f"not here: vseg models pull {one.name}"


def show_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows on stdout, the first of them names, columns aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def with_phrase(args: list[str]) -> list[str]:
    """The arguments with a phrase for any words after a `--text` that has none."""
    filled: list[Any] = []
    for place, word in enumerate(args):
        filled.append(word)
        if word == "--text" and (place + 1 == len(args) or args[place + 1].startswith("-")):
            filled.append(_ANY_WORDS)
    return filled
