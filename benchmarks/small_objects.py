"""Are small objects held, and what do their crops cost?  Synthetic scenes, exact truth.

    python benchmarks/small_objects.py --parts held
    python benchmarks/small_objects.py --parts held crowd cost --crops 0 16 --json small.json

held: one object of 8 or 24 pixels that moves by about a third of its size per frame, in frames
of 480, 1080 and 2160 rows.  crowd: 60 objects over 8 frames.  cost: milliseconds of the
processor per frame by how many small objects there are; without any, of one of ordinary size.
`--crops 0` tracks all in the whole frame.  A mask is held on a frame where its overlap with the truth is at least 0.1.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.shared import Table, add_model_options, model_of, prompt_object, run
from vseg import Session
from vseg.config import CropSettings
from vseg.interfaces.model import Model
from vseg.ops.masks import mask_iou
from vseg.synthetic import SceneConfig, SyntheticVideo, TrueFrame
from vseg.synthetic.trajectory import Trajectory

FRAMES_HW = ((480, 854), (1080, 1920), (2160, 3840))
SIDES_PX = (8, 24)
HELD = 0.1
CROWD = 60


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table.  held: percent of the frames after the first, of all objects; lost:
    objects that are not held on the last frame; J in percent; state: KiB kept between frames.
    """

    scene: str
    prompt: str
    crops: int
    objects: int
    held: float
    lost: int
    J: float
    ms: float
    state: int


def main() -> None:
    options = _options()
    model = model_of(options)
    table = Table(Row)
    parts = {"held": held_scenes, "crowd": crowd_scenes, "cost": cost_scenes}
    for part in options.parts:
        for name, configs in parts[part](options.seeds, options.frames):
            scenes = [SyntheticVideo(config) for config in configs]
            frames = [[s.draw(t) for t in range(len(s))] for s in scenes]
            for kind in options.prompts:
                for most in options.crops:
                    rows = [track(model, drawn, kind, most) for drawn in frames]
                    table.add(_mean((name, kind, most), rows))
    table.write(options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parts = ("held", "crowd", "cost")
    parser.add_argument("--parts", nargs="+", choices=parts, default=list(parts))
    parser.add_argument("--prompts", nargs="+", default=["mask", "click"])
    parser.add_argument("--crops", nargs="+", type=int, default=[0, CropSettings().most])
    parser.add_argument("--seeds", type=int, default=4, help="scenes of each kind")
    parser.add_argument("--frames", type=int, default=40, help="of each scene")
    add_model_options(parser)
    return parser.parse_args()


def held_scenes(seeds: int, frames: int) -> Iterator[tuple[str, list[SceneConfig]]]:
    """One object of a size on its way through a frame of a size."""
    for height, width in FRAMES_HW:
        for side in SIDES_PX:
            configs = [_alone(height, width, side, frames, seed) for seed in range(seeds)]
            yield f"{side} px in {height}p", configs


def crowd_scenes(seeds: int, frames: int) -> Iterator[tuple[str, list[SceneConfig]]]:
    """60 objects in rows, each on a way of its own within its cell, in 8 frames."""
    for side in (12, 18):
        configs = [_crowd(CROWD, side, min(frames, 8), seed) for seed in range(seeds)]
        yield f"{CROWD} of {side} px", configs


def cost_scenes(seeds: int, frames: int) -> Iterator[tuple[str, list[SceneConfig]]]:
    """A growing number of small objects, all in one frame."""
    yield "none small", [_alone(480, 854, 120, frames, 1)]
    for count in (1, 5, 20, 60):
        yield f"{count} of 12 px", [_crowd(count, 12, frames, 1)]


def _alone(height: int, width: int, side: int, frames: int, seed: int) -> SceneConfig:
    rng = np.random.default_rng((seed, side, height))
    # From a corner of the middle on, along a line that turns after every tenth frame.
    x, y = rng.uniform(0.3, 0.7, 2) * (width, height)
    ways = [(0, x / width, y / height)]
    for frame in range(10, frames + 10, 10):
        angle = rng.uniform(0, 2 * np.pi)
        x += 10 * side / 3 * np.cos(angle)
        y += 10 * side / 3 * np.sin(angle)
        ways.append((frame, float(x) / width, float(y) / height))
    config = SceneConfig(
        height=height,
        width=width,
        num_frames=frames,
        seed=seed,
        num_objects=1,
        occluders=0,
        camera_motion=0.2,
        trajectories=(Trajectory(tuple(ways)),),
    )
    return _sized(config, side)


def _crowd(count: int, side: int, frames: int, seed: int) -> SceneConfig:
    rng = np.random.default_rng((seed, side))
    ways = []
    for k in range(count):
        row, column = divmod(k, 10)
        x, y = (column + 0.5) / 10, (row + 0.5) / 6
        dx, dy = rng.uniform(-0.03, 0.03, 2)
        ways.append(((0, x, y), (8, x + dx, y + dy), (16, x, y)))
    config = SceneConfig(
        height=480,
        width=854,
        num_frames=frames,
        seed=seed,
        num_objects=count,
        occluders=0,
        camera_motion=0.2,
        trajectories=tuple(Trajectory(way) for way in ways),
    )
    return _sized(config, side)


def _sized(config: SceneConfig, side: int) -> SceneConfig:
    """The scene with objects of this median longer side, in pixels, on its first frame."""
    for _ in range(3):
        labels = SyntheticVideo(config).draw(0).labels
        sides = [_longer_side(labels == i) for i in np.unique(labels[labels > 0])]
        if sides:
            size = max(0.005, config.size * side / float(np.median(sides)))
            config = replace(config, size=size)
    return config


def _longer_side(mask: np.ndarray) -> int:
    ys, xs = np.nonzero(mask)
    return int(max(np.ptp(ys), np.ptp(xs))) + 1


def track(model: Model, frames: list[TrueFrame], kind: str, most: int) -> Row:
    """One scene tracked from prompts on its first frame."""
    first = frames[0]
    ids = np.unique(first.labels[first.labels > 0]).tolist()
    scores: list[list[float]] = []
    times = []
    with Session(model, crops=CropSettings(most=most)) as session:
        for obj in ids:
            prompt_object(session, obj, first.labels == obj, kind, first.frame)
        for true in frames:
            began = time.process_time()
            masks = session.step(true.frame)
            pixels = {obj: masks[obj] for obj in ids}
            times.append(time.process_time() - began)
            scores.append([mask_iou(pixels[obj], true.labels == obj) for obj in ids])
        state = session.state_bytes() // 1024
    j = np.array(scores[1:]).reshape(len(frames) - 1, -1)
    return Row(
        "",
        kind,
        most,
        len(ids),
        100 * float((j >= HELD).mean()),
        int((j[-1] < HELD).sum()),
        100 * float(j.mean()),
        1000 * float(np.median(times)),
        state,
    )


def _mean(names: tuple[str, str, int], rows: list[Row]) -> Row:
    """One line for several scenes; objects and lost are added up."""
    return Row(
        *names,
        sum(row.objects for row in rows),
        float(np.mean([row.held for row in rows])),
        sum(row.lost for row in rows),
        float(np.mean([row.J for row in rows])),
        float(np.mean([row.ms for row in rows])),
        max(row.state for row in rows),
    )


if __name__ == "__main__":
    run(main)
