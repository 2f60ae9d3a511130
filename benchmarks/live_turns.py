"""Several cameras on one model: frames per second of each, and how old a frame is when its masks
are there.

    python benchmarks/live_turns.py --cameras 4 --height 320 --seconds 60

Synthetic scenes of two objects play in real time at 15 frames/s, all at once; objects are
detected on the first frames and every 300 frames, as `vseg watch --auto --detect-every 300`
does.  The first ten frames of each camera do not count.
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
WARM_UP_FRAMES = 10
"""Of each camera, with its first detection; what they cost is not counted."""


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
    parser.add_argument("--detect-every", type=int, default=300, help="frames of a camera")
    add_model_options(parser)
    options = parser.parse_args()
    model = model_of(options)
    scenes = [_drawn(options.height, number) for number in range(options.cameras)]
    news = threading.Event()
    cameras: dict[str, LiveSource] = {}
    for number, scene in enumerate(scenes):
        name = f"camera {number}"
        cameras[name] = Playback(ImageIterator(_images(scene)), name, news=news)
    config = TrackConfig(
        short_side=options.short_side,
        redetection=RedetectionSettings(
            max_objects=options.max_objects, detect_every=options.detect_every
        ),
    )
    measured = Measured(options.seconds, cameras)
    task = LiveTask((), config, stop=lambda: measured.over)
    for live in watch(cameras, task, model, news):
        if isinstance(live, LiveFrame):
            measured.add(live)
    table = Table(Row)
    for name in cameras:
        table.add(measured.row(name))
    table.write(options.json)
    print(f"{measured.processor_ms():.0f} ms of processor time per frame")
    for source in cameras.values():
        source.close()


class Measured:
    """Ages of frames, from the moment at which every camera has given some."""

    def __init__(self, seconds: float, cameras: dict[str, LiveSource]) -> None:
        self._seconds = seconds
        self._cameras = cameras
        self._before = dict.fromkeys(cameras, 0)
        self._ages: dict[str, list[float]] = {name: [] for name in cameras}
        self._objects: dict[str, list[int]] = {name: [] for name in cameras}
        self._began: tuple[float, float] | None = None

    @property
    def over(self) -> bool:
        """Whether all that was asked for is measured."""
        began = self._began
        return began is not None and time.monotonic() - began[0] > self._seconds

    def add(self, live: LiveFrame) -> None:
        """One more frame."""
        if self._began is None:
            self._before[live.camera] += 1
            if min(self._before.values()) >= WARM_UP_FRAMES:
                self._began = time.monotonic(), time.process_time()
            return
        age_s = self._cameras[live.camera].clock_s() - live.frame.time_s
        self._ages[live.camera].append(1000 * age_s)
        self._objects[live.camera].append(int(live.masks.visible.sum()))

    def row(self, name: str) -> Row:
        """What one camera got."""
        ages = self._ages[name] or [float("nan")]
        p50, p95 = np.quantile(ages, (0.5, 0.95))
        per_s = len(self._ages[name]) / self._seconds
        return Row(name, per_s, p50, p95, float(np.mean(self._objects[name] or [0])))

    def processor_ms(self) -> float:
        """Of each frame, on average."""
        assert self._began is not None
        count = sum(map(len, self._ages.values()))
        return 1000 * (time.process_time() - self._began[1]) / max(count, 1)


def _drawn(height: int, seed: int) -> list[np.ndarray]:
    """The images of a scene, forward and backward."""
    scene = SceneConfig(height, height * 16 // 9, 60, seed=seed, num_objects=2)
    drawn = [frame.image for frame in SyntheticVideo(scene)]
    return [*drawn, *drawn[-2:0:-1]]


def _images(scene: list[np.ndarray]) -> Iterator[np.ndarray]:
    """A scene in real time."""
    start_s = time.monotonic()
    number = 0
    while True:
        yield scene[number % len(scene)]
        number += 1
        time.sleep(max(start_s + number / RATE - time.monotonic(), 0.0))


if __name__ == "__main__":
    run(main)
