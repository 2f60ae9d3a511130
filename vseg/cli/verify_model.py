"""`vseg verify-model`: masks, precision, speed and memory of a model, in one table."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vseg.cli import options
from vseg.cli.answers import show_json, show_pairs
from vseg.cli.recommend_command import show_table

if TYPE_CHECKING:
    from vseg.pipelines.model_check import ClipCheck, ModelCheck

_COLUMNS = (
    *("clip", "objects", "frames", "visible", "J&F f32", "J&F bf16"),
    *("IoU bf16", "least (frame)", "f/s f32", "f/s bf16", "state MiB", "grows"),
    *("own views", "others'"),
)


def verify_model(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A name of `vseg models list`, or a folder.")
    ],
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="CLIP", help="More of --clips.")
    ] = None,
    clips: Annotated[
        list[Path] | None,
        typer.Option("--clips", help="Clips to track; by default a synthetic scene."),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            "--truth", help="Masks by clip (a DAVIS tree): what is tracked, and J&F."
        ),
    ] = None,
    frames: Annotated[
        int, typer.Option("--frames", min=4, help="Frames of each clip, at most.")
    ] = 64,
    objects: Annotated[
        int, typer.Option("--objects", min=1, max=100, help="Objects in each, at most.")
    ] = 3,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda or cuda:N.")] = "cpu",
    as_json: options.Json = False,
) -> None:
    """Track clips in float32 and bfloat16: are the masks the same, how fast, how much memory.

    Says whether bfloat16 is safe on this device.  `vseg models verify` checks the files only.
    """
    from vseg.pipelines.check_clips import check_clips
    from vseg.pipelines.model_check import check_model

    wanted = check_clips([*(clips or ()), *(more or ())], truth, frames, objects)
    made = check_model(model, wanted, device, lambda line: print(line, file=sys.stderr))
    if as_json:
        show_json(asdict(made))
        return
    _show(made)


def _show(made: "ModelCheck") -> None:
    show_table([_COLUMNS, *(_row(clip) for clip in made.clips)])
    verdict = "safe" if made.safe else "not safe"
    print()
    show_pairs(
        {
            "model": made.model,
            "sha256": made.weights_sha256,
            "device": made.device,
            "peak memory": f"{made.peak_mib} MiB",
            "bfloat16": f"{verdict} here: {made.why}",
        }
    )


def _row(clip: "ClipCheck") -> tuple[str, ...]:
    single = clip.float32
    before, end = single.state_bytes
    return (
        clip.name,
        str(clip.objects),
        str(len(clip.iou)),
        f"{100 * single.visible:.0f} %",
        _figure(single.jf, 1),
        _figure(clip.bfloat16.jf, 1),
        f"{sum(clip.iou) / len(clip.iou):.4f}",
        f"{clip.iou[clip.worst_frame]:.4f} ({clip.worst_frame})",
        f"{single.frames_per_s:.3g}",
        f"{clip.bfloat16.frames_per_s:.3g}",
        f"{end / 2**20:.1f}, {clip.bfloat16.state_bytes[1] / 2**20:.1f}",
        "no" if end <= before else f"{(end - before) / 2**20:.2f} MiB",
        _figure(single.own_cosine, 2),
        _figure(single.other_cosine, 2),
    )


def _figure(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
