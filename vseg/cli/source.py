"""Looking at a clip before tracking it: `vseg probe` and `vseg frame`."""

from pathlib import Path
from typing import Annotated

import typer

from vseg.cli import options
from vseg.cli.report import show_json, show_pairs
from vseg.errors import BadPrompt, ExitCode
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


def frame(
    clip: options.Source,
    at: Annotated[
        str, typer.Argument(metavar="FRAME", help="A frame number, or a time: 1.25s.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The image to write (.png).")],
    reader: options.ReaderName = None,
    numbering: options.Numbering = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Write one exact frame as a PNG, to find the coordinates of a prompt on."""
    from io import BytesIO

    from PIL import Image

    from vseg.build import open_video
    from vseg.io.files import atomic_write_bytes, check_free
    from vseg.prompts.placing import index_of
    from vseg.prompts.timecode import parse_timecode

    if out.suffix.lower() != ".png":
        raise BadPrompt(
            f"{out} is not a .png file", hint="frames are written losslessly, as PNG"
        )
    check_free(out, overwrite=overwrite)
    place = parse_timecode(at)
    with open_video(clip, reader or "auto", numbering) as video:
        image = video.read(index_of(video, place))
    png = BytesIO()
    Image.fromarray(image.image).save(png, format="PNG")
    atomic_write_bytes(out, png.getvalue())
    height, width = image.image.shape[:2]
    facts = {"frame": image.index, "time_s": image.time_s, "width": width, "height": height}
    if as_json:
        show_json(facts | {"path": out})
    else:
        print(f"{out}: frame {image.index} at {image.time_s:.3f} s, {width}x{height}")
