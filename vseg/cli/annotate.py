"""`vseg annotate`: a clip in the browser: click, see, correct."""

import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from vseg.cli import options
from vseg.cli.answers import show_json
from vseg.cli.loading import loading


def annotate(
    clip: Annotated[
        str, typer.Argument(metavar="CLIP", help="A video, a folder of images, or a run.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="The run; runs/NAME-annotated."),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address, and open no browser.")
    ] = False,
    port: Annotated[int, typer.Option("--port", help="The port; 0 for any that is free.")] = 0,
    model: options.Model = None,
    grounder: options.ServiceGrounder = None,
    device: options.Device = None,
    as_json: options.Json = False,
) -> None:
    """Annotate a clip in the browser, on this machine: the masks become a run."""
    from vseg.server.extra import check_server_extra

    check_server_extra()
    from vseg.io.files import check_exists

    check_exists(clip)  # before what loads torch, which takes seconds
    with loading():
        from vseg.checked_settings import without_none
        from vseg.server.annotator.own_server import own_server
        from vseg.server.listening import serve

    given = without_none({"model": model, "grounder": grounder, "device": device})
    with own_server(clip, out, port=port, **given) as own:

        def started(address: str) -> None:
            """Say where the page is, and open it."""
            page = own.page(address)
            if as_json:
                show_json({"page": page, "run": own.run, "run_id": own.run_id})
            else:
                print(f"annotating into {own.run}")
                print(f"page  {page}")
                print("Ctrl-C ends it; everything is stored as you go")
            sys.stdout.flush()
            if not no_browser:
                webbrowser.open(page)

        serve(own.app, own.settings, started)
