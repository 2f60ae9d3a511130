"""Where the time of a tracking job goes, from decoded frames to masks on disk.

Enters: a clip with prompts, and settings.  Leaves: figures by printable name.
"""

import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vseg.build import open_video
from vseg.config import TrackConfig
from vseg.pipelines.job import JobOutcome, ProgressCallbacks, TrackJob
from vseg.pipelines.prepare import load_configured
from vseg.pipelines.timed_slot_model import timed
from vseg.pipelines.track import track
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip
from vseg.types import Box, Points, Prompt, Timecode
from vseg.weights.device import instruction_set


@dataclass(frozen=True, slots=True)
class BenchClip:
    """What is measured: the first `frames` frames of a clip, with prompts for its objects."""

    clip: str
    frames: int
    prompts: tuple[Prompt, ...]


def synthetic_clip(path: Path, objects: int, frames: int) -> BenchClip:
    """A synthetic 480p scene written as a file, with one click on each object."""
    scene = SyntheticVideo(SceneConfig(480, 854, frames, num_objects=objects, seed=1))
    write_clip(scene, path)
    prompts = []
    for object_id in scene.object_ids:
        click = scene.first_point(object_id)
        points = Points(np.array([[click.x, click.y]], dtype=np.float32), np.array([True]))
        prompts.append(Prompt(object_id, Timecode(frame=click.frame_index), points))
    return BenchClip(str(path), frames, tuple(prompts))


def boxed_clip(clip: str, objects: int, frames: int) -> BenchClip:
    """A clip with `objects` boxes in a row: what is inside does not matter for the time."""
    with open_video(clip) as video:
        width = video.info.width / objects
        height = video.info.height
        count = len(video)
    prompts = []
    for k in range(objects):
        box = Box((k + 0.2) * width, height * 0.3, (k + 0.8) * width, height * 0.7)
        prompts.append(Prompt(k + 1, Timecode(frame=0), box))
    return BenchClip(clip, min(frames, count), tuple(prompts))


def measure(
    bench_clip: BenchClip,
    config: TrackConfig,
    out: Path,
    callbacks: ProgressCallbacks | None = None,
) -> dict[str, Any]:
    """Milliseconds of each stage and of the processor per frame, frames per second, peak
    memory and state size.

    Raises what `track` raises.
    """
    decode_s = _decode_only(bench_clip)
    config = config.model_copy(update={"range": f"0:{bench_clip.frames}"})
    model = timed(load_configured(config))
    job = TrackJob(bench_clip.clip, out, bench_clip.prompts, config)
    outcome = track(job, model=model, callbacks=callbacks)
    steady = model.steady()
    return {
        "objects": len(bench_clip.prompts),
        "frames": outcome.frames,
        "model": f"{model.name} {model.dtype} on {model.device}, short side "
        f"{config.short_side}",
        "runtime": model.runtime,
        "instruction set": instruction_set(),
        "threads": torch.get_num_threads(),
        **_stage_figures(decode_s, steady.stages_s, outcome),
        "processor ms": round(1000 * steady.cpu_s, 2),
        "frames/s": round(1 / steady.frame_s, 2),
        "frames/s with the start": round(outcome.frames / outcome.times.total_s, 2),
        "peak memory MiB": round(peak_bytes() / 2**20),
        "state bytes": outcome.state_bytes,
        "state MiB": round(outcome.state_bytes / 2**20, 2),
        "memory budget MiB": config.memory.budget_mib or "none: the model's own spans",
    }


def _stage_figures(
    decode_s: float, stages_s: dict[str, float], outcome: JobOutcome
) -> dict[str, float]:
    """Milliseconds per frame of what is read, computed and written."""
    per_frame_s = {
        "decode": decode_s / outcome.frames,
        **stages_s,
        "write": outcome.times.write_s / outcome.frames,
        "waiting for frames": outcome.times.read_s / outcome.frames,
    }
    return {f"{name} ms": round(1000 * seconds, 2) for name, seconds in per_frame_s.items()}


def _decode_only(bench_clip: BenchClip) -> float:
    """Seconds to read the frames when nothing else is done."""
    with open_video(bench_clip.clip) as video:
        began = time.perf_counter()
        for _ in video.frames(0, bench_clip.frames):
            pass
        return time.perf_counter() - began


def peak_bytes() -> int:
    """The most memory this process has held; macOS counts it in bytes, Linux in KiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
