"""`vseg bench`: where the time goes, from decoded frames to masks on disk."""

import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vseg.cli import options
from vseg.cli.report import show_json, show_pairs

if TYPE_CHECKING:
    from vseg.config import TrackConfig
    from vseg.types import Prompt


def bench(
    clip: Annotated[
        str | None,
        typer.Argument(metavar="[CLIP]", help="A clip; by default a synthetic 480p scene."),
    ] = None,
    objects: Annotated[
        int, typer.Option("--objects", min=1, max=100, help="Number of objects.")
    ] = 1,
    frames: Annotated[
        int, typer.Option("--frames", min=2, help="Number of frames, at most.")
    ] = 120,
    model: options.Model = None,
    weights: options.Weights = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    short_side: options.ShortSide = None,
    memory_policy: options.MemoryPolicy = None,
    memory_approximation: options.MemoryApproximation = None,
    memory_budget: options.MemoryBudget = None,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
) -> None:
    """Measure each stage in ms per frame, frames per second, peak memory and state size.

    Medians over blocks of ten frames, after the first thirty: with the memory full.
    """
    from vseg.cli.track import chosen, read_config

    settings = read_config(
        config,
        model=model,
        weights=weights,
        device=device,
        dtype=dtype,
        short_side=short_side,
        preview=False,
        memory=chosen(
            policy=memory_policy, approximation=memory_approximation, budget_mib=memory_budget
        ),
    )
    with TemporaryDirectory(prefix="vseg-bench-") as folder:
        if clip is None:
            measured = _synthetic_clip(Path(folder) / "scene.mp4", objects, frames)
        else:
            measured = _clip_with_objects(clip, objects, frames)
        figures = _measure(measured, settings, Path(folder) / "run")
    (show_json if as_json else show_pairs)(figures)


@dataclass(frozen=True, slots=True)
class BenchClip:
    """What is measured on: the first `frames` frames of a clip, and where the objects are."""

    clip: str
    frames: int
    prompts: "tuple[Prompt, ...]"


def _synthetic_clip(path: Path, objects: int, frames: int) -> BenchClip:
    """A synthetic scene written as a real file, with one click on each object."""
    import numpy as np

    from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip
    from vseg.types import Points, Prompt, Timecode

    scene = SyntheticVideo(SceneConfig(480, 854, frames, num_objects=objects, seed=1))
    write_clip(scene, path)
    prompts = []
    for object_id in scene.object_ids:
        click = scene.first_point(object_id)
        points = Points(np.array([[click.x, click.y]], dtype=np.float32), np.array([True]))
        prompts.append(Prompt(object_id, Timecode(frame=click.frame_index), points))
    return BenchClip(str(path), frames, tuple(prompts))


def _clip_with_objects(clip: str, objects: int, frames: int) -> BenchClip:
    """A clip with `objects` boxes in a row: what is inside does not matter for the time."""
    from vseg.build import open_video
    from vseg.types import Box, Prompt, Timecode

    with open_video(clip) as video:
        width = video.info.width / objects
        height = video.info.height
        count = len(video)
    boxes = (
        Box((k + 0.2) * width, height * 0.3, (k + 0.8) * width, height * 0.7)
        for k in range(objects)
    )
    prompts = tuple(Prompt(k, Timecode(frame=0), box) for k, box in enumerate(boxes, start=1))
    return BenchClip(clip, min(frames, count), prompts)


def _measure(measured: BenchClip, settings: "TrackConfig", run: Path) -> dict[str, Any]:
    """The figures, by printable name."""
    import torch

    from vseg.cli.track import run_job
    from vseg.pipelines.job import TrackJob
    from vseg.pipelines.prepare import load_configured
    from vseg.pipelines.timed_slot_model import timed

    decode_s = _decode_alone(measured)
    settings = settings.model_copy(update={"range": f"0:{measured.frames}"})
    model = timed(load_configured(settings))
    job = TrackJob(source=measured.clip, out=run, prompts=measured.prompts, config=settings)
    outcome = run_job(job, model=model)
    steady = model.steady()
    count = outcome.frames
    stages = {
        "decode": decode_s / count,
        **steady.stages_s,
        "write": outcome.times.write_s / count,
        "waiting for frames": outcome.times.read_s / count,
    }
    per_frame = {f"{name} ms": round(1000 * seconds, 2) for name, seconds in stages.items()}
    return {
        "objects": len(measured.prompts),
        "frames": outcome.frames,
        "model": f"{model.name} {model.dtype} on {model.device}, short side "
        f"{settings.short_side}",
        "threads": torch.get_num_threads(),
        **per_frame,
        "frames/s": round(1 / steady.frame_s, 2),
        "frames/s with the start": round(count / outcome.times.total_s, 2),
        "peak memory MiB": round(_peak_bytes() / 2**20),
        "state bytes": outcome.state_bytes,
        "state MiB": round(outcome.state_bytes / 2**20, 2),
        "memory budget MiB": settings.memory.budget_mib or "none: the model's own spans",
    }


def _decode_alone(measured: BenchClip) -> float:
    """Seconds to read the frames when nothing else is done."""
    from vseg.build import open_video

    with open_video(measured.clip) as video:
        began = time.perf_counter()
        for _ in video.frames(0, measured.frames):
            pass
        return time.perf_counter() - began


def _peak_bytes() -> int:
    """The most memory this process has held; macOS counts it in bytes, Linux in KiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
