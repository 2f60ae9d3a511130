"""From a run directory to pictures and other formats: `vseg render` and `vseg export`."""

from pathlib import Path
from typing import Annotated

import typer

from vseg.cli import options
from vseg.cli.report import show_json


def render(
    run: options.RunFolder,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The mp4 to write; RUN/overlay.mp4 if not.")
    ] = None,
    clip: Annotated[
        str | None, typer.Option("--video", help="The clip, if it is not where it was tracked.")
    ] = None,
    sheet: Annotated[
        bool, typer.Option("--sheet/--no-sheet", help="Also write a contact sheet beside it.")
    ] = True,
    as_json: options.Json = False,
) -> None:
    """Draw the masks over the clip: an mp4 that plays in a browser, and a contact sheet."""
    from vseg.jobs.previews import render_previews
    from vseg.results import open_run

    opened = open_run(run)
    overlay = out or run / "overlay.mp4"
    contact = overlay.with_suffix(".png") if out else run / "contact.png"
    written = render_previews(opened, overlay, contact if sheet else None, source=clip)
    if as_json:
        show_json({"written": written})
    else:
        print(*written, sep="\n")


def export(
    run: options.RunFolder,
    to: Annotated[str, typer.Option("--to", help="The format: davis or coco.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder or file to write.")],
    as_json: options.Json = False,
) -> None:
    """Convert a run to another format."""
    from vseg.results import open_run
    from vseg.results.export import export as convert

    convert(open_run(run), to, out)
    if as_json:
        show_json({"written": out, "format": to})
    else:
        print(out)
