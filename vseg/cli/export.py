"""From runs to other formats, from models to graphs: `vseg export`.

The format decides what is exported: a run folder may have a model's name.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from vseg.cli import options
from vseg.cli.answers import show_written
from vseg.errors import UsageError


def export(
    subject: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN|MODEL",
            help="Folders that `vseg track` or `vseg batch` wrote; with onnx, a model.",
        ),
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to", help="A format of masks for a run, such as coco; onnx for a model."
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder or file to write.")],
    height: Annotated[int | None, typer.Option(help="onnx: the height of the video.")] = None,
    width: Annotated[int | None, typer.Option(help="onnx: the width of the video.")] = None,
    short_side: options.ShortSide = None,
    memory: Annotated[
        int | None, typer.Option(metavar="FRAMES", help="onnx: memory slots; 6 by default.")
    ] = None,
    objects: Annotated[
        int | None,
        typer.Option(help="onnx: a fixed number of objects; by default any number."),
    ] = None,
    weights: options.Weights = None,
    every: Annotated[
        int | None, typer.Option(metavar="N", help="Runs: every N-th frame only.")
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="LABEL=NAME", help="Runs: another name for a label."),
    ] = None,
    val: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Runs: a data set, this share for validation."),
    ] = None,
    images: Annotated[
        bool, typer.Option("--images", help="Runs: a data set, with the images of the frames.")
    ] = False,
    revision: options.RevisionNumber = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Convert runs to another format, or a model's whole loop to ONNX graphs.

    Several runs become one data set: a folder with a training and a validation part.
    """
    from vseg.checked_settings import without_none

    for_models = without_none(
        {
            "height": height,
            "width": width,
            "short_side": short_side,
            "slots": memory,
            "objects": objects,
            "weights": weights,
        }
    )
    if to == "onnx":
        if len(subject) > 1:
            raise UsageError("one model is exported at a time", hint=f"drop {subject[1]}")
        written = [_export_model(subject[0], out, for_models, overwrite)]
        show_written(written, None, as_json=as_json, format=to)
        return
    _check_run_export(to, for_models)
    from vseg.cli.export_runs import RunExport

    settings = RunExport(to, every, tuple(classes or ()), val, images, revision)
    runs = settings.open(subject)
    written = settings.write(runs, out, overwrite=overwrite)
    unfinished = next((run.unfinished for run in runs if run.unfinished), None)
    show_written(written, unfinished, as_json=as_json, format=to)


def _check_run_export(to: str, for_models: dict[str, Any]) -> None:
    """Raise UsageError for an unknown format, or an option that is for models only."""
    from vseg.exchange.formats import FORMATS

    if to not in FORMATS:
        known = f"known: {', '.join(sorted(FORMATS))} for a run, onnx for a model"
        raise UsageError(f"unknown export format {to!r}", hint=known)
    if for_models:
        first = next(iter(for_models))
        option = "memory" if first == "slots" else first.replace("_", "-")
        raise UsageError(
            f"--{option} is for models, and {to} is a format of runs", hint="drop it"
        )


def _export_model(name: str, out: Path, settings: dict[str, Any], overwrite: bool) -> Path:
    from vseg.build import export_model
    from vseg.models.onnx.export import LoopSizes

    weights = settings.pop("weights", None)
    if not {"height", "width"} <= set(settings):
        raise UsageError(
            "ONNX graphs are of one video size, and no size was given",
            hint="add --height 480 --width 854; `vseg probe CLIP` prints a clip's",
        )
    return export_model(name, out, LoopSizes(**settings), weights=weights, overwrite=overwrite)
