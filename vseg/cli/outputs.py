"""From runs to images and other formats, from models to graphs: `vseg render` and `vseg
export`.

The format decides what is exported: a run folder may have a model's name.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from vseg.cli import options
from vseg.cli.report import show_written
from vseg.errors import UsageError


def render(
    run: options.RunFolder,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", help="The mp4 to write; by default the run's overlay.mp4."
        ),
    ] = None,
    clip: Annotated[
        str | None,
        typer.Option("--video", help="The clip, if it has moved since it was tracked."),
    ] = None,
    sheet: Annotated[
        bool, typer.Option("--sheet/--no-sheet", help="Also write a contact sheet beside it.")
    ] = True,
    frames: options.Range = None,
    side_by_side: Annotated[
        bool, typer.Option("--side-by-side", help="Show the plain clip beside the masks.")
    ] = False,
    rerun: Annotated[
        str | None,
        typer.Option(
            "--rerun",
            metavar="FILE|spawn",
            help="Instead, log images and masks for Rerun: an .rrd file, or its viewer.",
        ),
    ] = None,
    revision: options.RevisionNumber = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Draw the masks over the clip: an mp4 that plays in a browser, and a contact sheet."""
    from vseg.build import open_run
    from vseg.cli.progress import ProgressReport
    from vseg.pipelines.previews import log_to_rerun, render_previews
    from vseg.results.layout import CONTACT_SHEET, OVERLAY
    from vseg.results.output_place import check_output

    opened = open_run(run, revision)
    if rerun is not None:
        if out is not None or side_by_side:
            raise UsageError(
                "--rerun takes the place of -o and --side-by-side",
                hint="render the mp4 by a command of its own",
            )
        chosen = ":" if frames is None else frames
        log_to_rerun(opened, rerun, source=clip, frames=chosen, overwrite=overwrite)
        logged = () if rerun == "spawn" else (Path(rerun),)
        show_written(logged, opened.unfinished, as_json=as_json)
        return
    overlay = out or opened.content / OVERLAY
    contact = opened.content / CONTACT_SHEET
    # A run's own images can be drawn again at any time.
    if out is not None:
        reads = (clip, opened.header.source.path)
        check_output(out, overwrite=overwrite, reads=reads)
        contact = out.with_suffix(".png")
        if sheet:
            check_output(contact, overwrite=overwrite, reads=reads)
    with ProgressReport("drawing") as report:
        written = render_previews(
            opened,
            overlay,
            contact if sheet else None,
            source=clip,
            frames=":" if frames is None else frames,
            side_by_side=side_by_side,
            on_frame=report,
        )
    show_written(written, opened.unfinished, as_json=as_json)


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
