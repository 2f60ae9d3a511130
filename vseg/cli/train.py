"""`vseg train nano`: pictures with masks and a teacher in, a weights file out."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vseg.cli import options
from vseg.cli.report import Command, show_json

if TYPE_CHECKING:
    from vseg.training.loop import Report

app = typer.Typer(no_args_is_help=True, help="Train a model; the same command again continues.")


@app.command("nano", cls=Command)
def nano(
    data: Annotated[
        list[Path], typer.Option("--data", help="A training pack (zip); may be given again.")
    ],
    teacher: Annotated[
        Path, typer.Option("--teacher", help="The TorchScript encoder that is distilled.")
    ],
    config: Annotated[Path, typer.Option("--config", help="The recipe, a TOML file.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Checkpoints and weights go here.")],
    as_json: options.Json = False,
) -> None:
    """Train nano by a recipe; whatever an earlier call finished or began is taken up again."""
    from vseg.config import load_toml
    from vseg.training.config import NanoRecipe
    from vseg.training.recipe import TrainingFiles, train_nano

    recipe = load_toml(config, NanoRecipe)
    files = TrainingFiles(tuple(data), teacher, out)
    weights = train_nano(recipe, files, _say_progress, _CacheReport())
    if as_json:
        show_json({"weights": weights})
    else:
        print(f"{weights}\nuse it with: vseg track CLIP --weights {weights} ...")


def _say_progress(stage: str, report: "Report") -> None:
    """One line on stderr for each report of a stage."""
    means = ", ".join(f"{name} {value:.4f}" for name, value in report.means.items())
    left_min = (report.steps - report.step) / report.steps_per_s / 60
    print(
        f"{stage}: {report.step}/{report.steps}, {means}, {report.steps_per_s:.2f} steps/s, "
        f"{left_min:.0f} min left",
        file=sys.stderr,
        flush=True,
    )


class _CacheReport:
    """A line on stderr every ten seconds while the teacher looks at the pictures."""

    def __init__(self) -> None:
        self._spoke = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self._spoke >= 10:
            self._spoke = time.monotonic()
            print(f"teacher: {done}/{total} pictures", file=sys.stderr, flush=True)
