"""`vseg validate`: whether a file or folder is what other programs take for its format."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vseg.cli import options
from vseg.cli.answers import show_json
from vseg.errors import UsageError
from vseg.ops.counted import counted

if TYPE_CHECKING:
    from vseg.types import VideoInfo


def validate(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A file, a folder, or a zip of one.")
    ],
    format_name: Annotated[
        str | None,
        typer.Option("--format", help="As in `vseg export --to`; by default found out."),
    ] = None,
    clip: Annotated[
        str | None, typer.Option("--video", help="The clip that the masks belong to.")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="WxH", help="The clip's size, if it is not there."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Read a file of masks through and say what is in it, or what is wrong with it."""
    from vseg.exchange.guess_format import guess_format
    from vseg.exchange.sidecar import read_sidecar
    from vseg.exchange.validate import validate as run_checks

    sidecar = read_sidecar(path)
    name = format_name or (sidecar.format if sidecar else guess_format(path))
    if size is None and clip is None and sidecar is not None:
        size = f"{sidecar.width}x{sidecar.height}"
    video = _video(clip, size)
    found = run_checks(path, name, video, sidecar.clip if sidecar else Path(clip or path).stem)
    if as_json:
        show_json({"path": path, "format": name, **asdict(found)})
        return
    masks = counted(found.masks, "mask")
    print(f"{path}: {name}, {masks} on {counted(found.frames, 'frame')}")
    for obj, label in found.objects.items():
        print(f"object {obj}" + (f": {label}" if label else ""))
    if found.unnamed:
        print(f"{found.unnamed} masks have no object id")
    print(f"read by {', '.join(['vseg', *found.checked_by])}")


def _video(clip: str | None, size: str | None) -> "VideoInfo":
    """What is known of the clip.  Raises UsageError where not even its size is."""
    from vseg.build import open_video
    from vseg.types import VideoInfo

    if clip is not None:
        with open_video(clip) as video:
            return video.info
    numbers = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", size or "")
    if numbers is None:
        raise UsageError(
            "the size of the clip is not known", hint="--video CLIP, or --size 1920x1080"
        )
    width, height = map(int, numbers.groups())
    return VideoInfo("", height, width, None, None)
