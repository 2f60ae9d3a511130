"""`vseg distill`: a large vision model and unlabelled video in, nano's encoder out."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vseg.cli import options
from vseg.cli.answers import show_json, show_pairs
from vseg.cli.training_progress import TeacherReport, print_licence, print_steps


def distill(
    teacher: Annotated[
        str,
        typer.Argument(
            metavar="TEACHER",
            help="A TorchScript (.ts, .pt) or torch.export (.pt2) file, or the folder or hub "
            "name of a transformers vision model: DINOv2, DINOv3, ConvNeXt, Swin, ViT, "
            "SAM 2 ...",
        ),
    ],
    student: Annotated[
        Path, typer.Argument(metavar="STUDENT", help="The encoder to write (.safetensors).")
    ],
    data: Annotated[
        list[Path],
        typer.Option(
            "--data",
            help="A video, a folder of images, a folder of those, or a dataset zip; "
            "may be repeated.",
        ),
    ],
    start: Annotated[
        str | None,
        typer.Option(
            "--from", help="nano (default), scratch, or a file an earlier call wrote."
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Steps of training.")] = None,
    frames_per_clip: Annotated[
        int | None,
        typer.Option("--frames-per-clip", help="Frames used of each video, spread evenly."),
    ] = None,
    cache_gib: Annotated[
        float | None,
        typer.Option(
            "--cache-gib", help="Limit of the temporary file of the teacher's features."
        ),
    ] = None,
    device: options.Device = None,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
) -> None:
    """Teach nano's encoder the features of a larger vision model, on unlabelled video.

    Distil, then train: `vseg train nano --encoder STUDENT ...`, because what follows the
    encoder must learn its new features.  Ctrl-C keeps what is done; the same command
    continues.
    """
    from vseg.build import open_video
    from vseg.checked_settings import checked, without_none
    from vseg.training.config import distill_config
    from vseg.training.data.unlabelled import Sampling, open_images
    from vseg.training.distill.student import DistilProgress, distil

    settings = distill_config(config)
    wanted = {"start": start, "frames_per_clip": frames_per_clip, "cache_gib": cache_gib}
    optimisation = settings.optimisation.model_dump() | without_none(
        {"steps": steps, "device": device}
    )
    settings = checked(
        type(settings),
        settings.model_dump() | without_none(wanted) | {"optimisation": optimisation},
    )
    sampling = Sampling(settings.clip_step, settings.frames_per_clip, settings.short_side)
    clips = open_images(data, sampling, open_video)
    with TeacherReport() as on_teacher:
        progress = DistilProgress(
            on_teacher, lambda report: print_steps("student", report), print_licence
        )
        outcome = distil(teacher, student, clips, settings, progress)
    if as_json:
        show_json(asdict(outcome))
    else:
        show_pairs(asdict(outcome))
        print(
            f"train with it: vseg train nano --encoder {outcome.student} --config RECIPE ..."
        )
