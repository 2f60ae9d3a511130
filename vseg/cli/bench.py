"""`vseg bench`: where the time goes, from decoded frames to masks on disk."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from vseg.cli import options
from vseg.cli.answers import show_json, show_pairs
from vseg.cli.option_groups import ModelOptions, flat


@flat
def bench(
    model: ModelOptions,
    clip: Annotated[
        str | None,
        typer.Argument(metavar="CLIP", help="A clip; by default a synthetic 480p scene."),
    ] = None,
    objects: Annotated[
        int, typer.Option("--objects", min=1, max=100, help="Number of objects.")
    ] = 1,
    frames: Annotated[
        int, typer.Option("--frames", min=2, help="Number of frames, at most.")
    ] = 120,
    as_json: options.Json = False,
) -> None:
    """Measure each stage in ms per frame, frames per second, peak memory and state size.

    Medians over blocks of ten frames, after the first thirty: with the memory full.
    """
    from vseg.cli.interrupt import stop_on_request
    from vseg.cli.progress import ProgressReport
    from vseg.pipelines.bench import boxed_clip, measure, synthetic_clip
    from vseg.pipelines.job import ProgressCallbacks

    settings = model.read(preview=False)
    with TemporaryDirectory(prefix="vseg-bench-") as folder:
        if clip is None:
            bench_clip = synthetic_clip(Path(folder) / "scene.mp4", objects, frames)
        else:
            bench_clip = boxed_clip(clip, objects, frames)
        with stop_on_request() as stop, ProgressReport("tracking") as report:
            callbacks = ProgressCallbacks(report, stop, report.note)
            figures = measure(bench_clip, settings, Path(folder) / "run", callbacks)
    (show_json if as_json else show_pairs)(figures)
