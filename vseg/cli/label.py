"""`vseg label`: labels for the objects of a finished run, from a vocabulary."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vseg.cli import options
from vseg.cli.answers import show_json

if TYPE_CHECKING:
    from vseg.results.labels import ObjectLabel

ImageTextName = Annotated[
    str,
    typer.Option(
        "--image-text",
        metavar="NAME|FOLDER",
        help="The image-text model: a name of `vseg models` or a folder.",
    ),
]
Clip = Annotated[
    str | None,
    typer.Option("--video", help="The clip, if it has moved since it was tracked."),
]
USUAL = "clip-vit-b32"


def label(
    run: options.RunFolder,
    vocabulary: Annotated[
        Path | None,
        typer.Option(
            "--vocabulary", help="One word or phrase per line; by default everyday nouns."
        ),
    ] = None,
    image_text: ImageTextName = USUAL,
    top: Annotated[int, typer.Option(min=1, help="Number of phrases per object.")] = 3,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing labels.")
    ] = False,
    clip: Clip = None,
    device: options.Device = None,
    revision: options.RevisionNumber = None,
    as_json: options.Json = False,
) -> None:
    """Name the objects of a finished run: labels.json, objects.json and labels.png in it."""
    from vseg.analysis.label import LabelSettings, label_run
    from vseg.build import open_image_text, open_run
    from vseg.grounding.word_lists import EVERYDAY, read_words

    open_run(run, revision)
    words = read_words(vocabulary or EVERYDAY)
    model = open_image_text(image_text, device or "cpu")
    settings = LabelSettings(top, overwrite, clip, revision=revision)
    labels = label_run(run, model, words, settings)
    if as_json:
        show_json({"run": run, **labels.model_dump()})
        return
    for named in labels.labels:
        print(_line(named))
    if not labels.labels:
        print(f"{run}: no object was ever visible, so none is labelled")


def _line(label: "ObjectLabel") -> str:
    """Object, label, confidence, and the next best labels."""
    others = ", ".join(f"{other.label} {other.score:.2f}" for other in label.top[1:])
    line = f"{label.id:>4}  {label.label:<24} {label.confidence:.2f}"
    return f"{line}   ({others})" if others else line
