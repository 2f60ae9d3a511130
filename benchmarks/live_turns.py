"""Several cameras on one model: frames per second of each, and how old a frame is when its masks
are there.

    python benchmarks/live_turns.py --cameras 4 --height 320 --seconds 60

Synthetic scenes of two objects play in real time at 15 frames/s, all at once; objects are
detected again and again, as `vseg watch --auto` does.  The first ten seconds do not count.
"""

import argparse
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.shared import Table, add_model_options, model_of, run
from vseg.config import RedetectionSettings, TrackConfig
from vseg.interfaces.live_source import LiveSource
from vseg.pipelines.live import LiveFrame
from vseg.pipelines.live_cameras import LiveTask, watch
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.video.image_iterator import ImageIterator
from vseg.video.playback import Playback

RATE = 15
WARM_UP_S = 10.0


@dataclass(frozen=True, slots=True)
class Row:
    """One camera.  age: milliseconds from the arrival of an image to its masks."""

    camera: str
    per_s: float
    age_p50_ms: float
    age_p95_ms: float
    objects: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--height", type=int, default=320)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--max-objects", type=int, default=2, help="per camera")
    add_model_options(parser)
    options = parser.parse_args()
    model = model_of(options)
    news = threading.Event()
    end_s = time.monotonic() + WARM_UP_S + options.seconds
    cameras: dict[str, LiveSource] = {}
    for number in range(options.cameras):
        images = ImageIterator(_images(options.height, number, end_s))
        cameras[f"camera {number}"] = Playback(images, f"camera {number}", news=news)
    config = TrackConfig(
        short_side=options.short_side,
        redetection=RedetectionSettings(max_objects=options.max_objects),
    )
    ages: dict[str, list[float]] = {name: [] for name in cameras}
    objects: dict[str, list[int]] = {name: [] for name in cameras}
    for live in watch(cameras, LiveTask((), config), model, news):
        if isinstance(live, LiveFrame) and time.monotonic() > end_s - options.seconds:
            age_s = cameras[live.camera].clock_s() - live.frame.time_s
            ages[live.camera].append(1000 * age_s)
            objects[live.camera].append(int(live.masks.visible.sum()))
    table = Table(Row)
    for name, source in cameras.items():
        source.close()
        p50, p95 = np.quantile(ages[name], (0.5, 0.95)) if ages[name] else (np.nan, np.nan)
        per_s = len(ages[name]) / options.seconds
        table.add(Row(name, per_s, p50, p95, float(np.mean(objects[name] or [0]))))
    table.write(options.json)


def _images(height: int, seed: int, end_s: float) -> Iterator[np.ndarray]:
    """A scene forward and backward in real time."""
    scene = SceneConfig(height, height * 16 // 9, 90, seed=seed, num_objects=2)
    drawn = [frame.image for frame in SyntheticVideo(scene)]
    there_and_back = [*drawn, *drawn[-2:0:-1]]
    start_s = time.monotonic()
    number = 0
    while time.monotonic() < end_s:
        yield there_and_back[number % len(there_and_back)]
        number += 1
        time.sleep(max(start_s + number / RATE - time.monotonic(), 0.0))


if __name__ == "__main__":
    run(main)
