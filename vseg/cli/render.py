"""From a run to a video with its masks: `vseg render`."""

from pathlib import Path
from typing import Annotated

import typer

from vseg.cli import options
from vseg.cli.answers import show_written
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
