"""`vseg train`: images with masks and a recipe in, a weights file out."""

from pathlib import Path
from typing import Annotated

import typer

from vseg.cli import options
from vseg.cli.answers import show_json
from vseg.cli.command import Command
from vseg.cli.training_progress import TeacherReport, print_licence, print_steps

app = typer.Typer(
    no_args_is_help=True, help="Train a model; the same command again continues."
)
NanoWeights = Annotated[
    Path | None,
    typer.Option("--weights", help="Weights of nano; by default the shipped ones."),
]


@app.command("nano", cls=Command)
def nano(
    data: Annotated[list[Path], typer.Option("--data", help="A dataset zip.")],
    config: Annotated[Path, typer.Option("--config", help="The recipe, a TOML file.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Checkpoints and weights go here.")],
    teacher: Annotated[
        str | None,
        typer.Option("--teacher", help="What to distil: see `vseg distill --help`."),
    ] = None,
    encoder: Annotated[
        Path | None,
        typer.Option(
            "--encoder", help="Start from what `vseg distill` wrote, not from a teacher."
        ),
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option(
            "--stage",
            metavar="NAME",
            help="One stage of the recipe: distill, a name, or clicks.",
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights", help="Start from these weights of nano, not from an encoder."
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Train nano by a recipe; the same command again continues."""
    from vseg.checked_settings import load_toml
    from vseg.training.config import NanoRecipe
    from vseg.training.nano.recipe import TrainingProgress, train_nano
    from vseg.training.nano.stage_runs import TrainingFiles

    recipe = load_toml(config, NanoRecipe)
    files = TrainingFiles(tuple(data), out, teacher, encoder, weights)
    with TeacherReport() as on_teacher:
        progress = TrainingProgress(on_teacher, print_steps, print_licence)
        written = train_nano(recipe, files, progress, stage)
    if as_json:
        show_json({"weights": written})
    elif stage == "distill":
        print(f"{written}\nthe next stage starts from it")
    else:
        print(f"{written}\nuse it with: vseg track CLIP --weights {written} ...")


@app.command("calibrate", cls=Command)
def calibrate(
    data: Annotated[list[Path], typer.Option("--data", help="A dataset zip.")],
    config: Annotated[
        Path,
        typer.Option("--config", help="Nano's recipe: clips it holds out are left out."),
    ],
    weights: NanoWeights = None,
    as_json: options.Json = False,
) -> None:
    """Measure the scales for nano in 8-bit integers (--runtime onnx-int8)."""
    from vseg.checked_settings import load_toml
    from vseg.models.nano.shipped import WEIGHTS
    from vseg.training.config import NanoRecipe
    from vseg.training.nano.calibrate import CalibrationFiles
    from vseg.training.nano.calibrate import calibrate as measure

    held_out = load_toml(config, NanoRecipe).held_out
    written = measure(CalibrationFiles(tuple(data), held_out, weights or WEIGHTS))
    if as_json:
        show_json({"scales": written})
    else:
        print(written)


@app.command("words", cls=Command)
def words(
    data: Annotated[
        list[Path],
        typer.Option("--data", help="A dataset zip, one of them with labels.json."),
    ],
    config: Annotated[Path, typer.Option("--config", help="The recipe, a TOML file.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Checkpoint and weights go here.")],
    weights: NanoWeights = None,
    as_json: options.Json = False,
) -> None:
    """Train nano's word head, which detects people, cars and a few other objects by name."""
    from vseg.checked_settings import load_toml
    from vseg.training.text_head.recipe import TextHeadFiles, TextHeadRecipe, train_text_head

    recipe = load_toml(config, TextHeadRecipe)
    written = train_text_head(recipe, TextHeadFiles(tuple(data), out, weights), print_steps)
    if as_json:
        show_json({"weights": written})
    else:
        print(written)
