"""A frame of a clip or a run as an image: `vseg frame`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vseg.cli import options
from vseg.cli.answers import show_json
from vseg.errors import BadPrompt, UsageError
from vseg.io.files import check_exists

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import UInt8

    from vseg.types import Frame, Timecode


def frame(
    clip: Annotated[
        str,
        typer.Argument(
            metavar="CLIP|RUN", help="A video, a folder of images, or a run: with its masks."
        ),
    ],
    at: Annotated[
        str, typer.Argument(metavar="FRAME", help="A frame number, or a time: 1.25s.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The image to write (.png).")],
    reader: options.ReaderName = None,
    numbering: options.Numbering = None,
    topic: options.Topic = None,
    source: Annotated[
        str | None,
        typer.Option("--video", help="Of a run: the clip, if it has moved since."),
    ] = None,
    zones: Annotated[
        Path | None,
        typer.Option("--zones", metavar="FILE", help="Draw the zones and lines of a file."),
    ] = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Write one exact frame as a PNG: of a clip, to find the coordinates of a prompt on; of a
    run, with its masks.
    """
    from vseg.build import open_video
    from vseg.prompts.placing import index_of
    from vseg.prompts.timecode import parse_timecode
    from vseg.results.layout import is_run
    from vseg.results.output_place import check_output

    check_exists(clip)
    if out.suffix.lower() != ".png":
        raise BadPrompt(
            f"{out} is not a .png file", hint="frames are written losslessly, as PNG"
        )
    check_output(out, overwrite=overwrite, reads=(clip, zones, source))
    place = parse_timecode(at)
    if is_run(Path(clip)):
        if not reader is numbering is topic is None:
            raise UsageError(
                f"--reader, --frames and --topic are of clips, and {clip} is a run",
                hint="drop them",
            )
        read, drawn, facts = _run_frame(Path(clip), place, source)
        _show(read, _with_zones(drawn, zones), facts, out, as_json=as_json)
        return
    if source is not None:
        raise UsageError(f"--video is for runs, and {clip} is none", hint="drop it")
    with open_video(clip, reader or "auto", numbering, topic) as video:
        read = video.read(index_of(video, place))
    _show(read, _with_zones(read.image, zones), {}, out, as_json=as_json)


def _with_zones(
    image: "UInt8[np.ndarray, 'H W 3']", zones: Path | None
) -> "UInt8[np.ndarray, 'H W 3']":
    """The image, with the zones of a file where one is given."""
    if zones is None:
        return image
    from vseg.analysis.zone_drawing import draw_zones
    from vseg.events.scene_plan import scene_plan
    from vseg.events.zone_file import read_zone_file

    plan = scene_plan(read_zone_file(zones), *image.shape[:2])
    for warning in plan.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return draw_zones(image, plan)


def _run_frame(
    path: Path, place: "Timecode", source: str | None
) -> "tuple[Frame, UInt8[np.ndarray, 'H W 3'], dict[str, Any]]":
    """A frame of a run, the same with masks drawn, and which objects are visible."""
    from vseg.build import open_clip, open_run
    from vseg.prompts.placing import index_of

    run = open_run(path)
    with open_clip(run, source) as video:
        shown = run.show(index_of(video, place), video)
    masks = shown.masks
    visible = [i for i, seen in zip(masks, masks.visible.tolist(), strict=True) if seen]
    facts = {"objects": visible, "unfinished": run.unfinished}
    return shown.frame, shown.image, facts


def _show(
    read: "Frame",
    image: "UInt8[np.ndarray, 'H W 3']",
    more: dict[str, Any],
    out: Path,
    *,
    as_json: bool,
) -> None:
    """Write the image and say what it is."""
    from io import BytesIO

    from PIL import Image

    from vseg.io.files import atomic_write_bytes

    png = BytesIO()
    Image.fromarray(image).save(png, format="PNG")
    atomic_write_bytes(out, png.getvalue())
    height, width = image.shape[:2]
    facts = {"frame": read.index, "time_s": read.time_s, "width": width, "height": height}
    if as_json:
        show_json(facts | more | {"path": out})
        return
    objects = f", objects {', '.join(map(str, more['objects'])) or 'none'}" if more else ""
    print(f"{out}: frame {read.index} at {read.time_s:.3f} s, {width}x{height}{objects}")
