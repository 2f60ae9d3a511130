"""What a clip really holds: `vseg probe`."""

from pathlib import Path
from typing import Annotated

import typer

from vseg.cli import options
from vseg.cli.answers import show_json, show_pairs
from vseg.errors import ExitCode
from vseg.io.files import check_exists


def probe(
    clip: options.Source,
    decode: Annotated[
        bool, typer.Option("--decode/--no-decode", help="Decode every frame to find damage.")
    ] = True,
    numbering: options.Numbering = None,
    as_json: options.Json = False,
) -> None:
    """Report what a clip really holds: frame count, rates, rotation, damage."""
    check_exists(clip)
    from vseg.video.probe import probe as examine

    facts = (
        _folder_facts(clip, numbering)
        if Path(clip).is_dir()
        else examine(clip, decode=decode).to_json()
    )
    (show_json if as_json else show_pairs)(facts)
    if facts.get("damage") is not None:
        raise typer.Exit(ExitCode.PARTIAL)


def _folder_facts(
    folder: str, numbering: str | None
) -> dict[str, str | int | float | bool | None]:
    """What is known of a folder of images; its images have no time stamps that could
    differ.
    """
    from vseg.build import open_video

    with open_video(folder, "images", numbering) as video:
        info = video.info
        return {
            "path": folder,
            "container": "folder of images",
            "codec": info.codec,
            "height": info.height,
            "width": info.width,
            "frames": len(video),
        }
