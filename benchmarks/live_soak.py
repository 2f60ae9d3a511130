"""200 000 frames of a live source, tenth by tenth: nothing should grow.

    python benchmarks/live_soak.py --frames 200000
    python benchmarks/live_soak.py --frames 20000

The whole of `vseg watch` but its process: frames of a synthetic scene come one by one, none is
dropped, objects are detected again and again, and come and go; every 5 000 frames the
connection is lost for a minute or two, so that objects are recognised or forgotten.  Gap
events, the status, and clips around objects that come are written as they are around the
clock.  Resident memory of the second half must stay within 2 % of the first half's peak, and
the time per frame flat.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.shared import Table, add_model_options, model_of, run
from vseg.config import CropSettings, RedetectionSettings, TrackConfig
from vseg.events.scene_event import EventStamp
from vseg.events.sinks.json_lines import JsonLinesSink
from vseg.interfaces.live_source import ConnectionChange
from vseg.pipelines.clip_folder import ClipFolder, ClipLimits
from vseg.pipelines.clip_recorder import ClipRecorder, RecordSettings
from vseg.pipelines.gap_events import GapEvents
from vseg.pipelines.live import LiveFrame
from vseg.pipelines.live_cameras import LiveTask, watch
from vseg.pipelines.live_observer import LiveObservers
from vseg.pipelines.live_status import LiveStatus, memory_bytes
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.types import Frame
from vseg.video.image_iterator import ImageIterator
from vseg.video.playback import Playback

SCENE = SceneConfig(height=64, width=96, num_frames=600, num_objects=3, seed=5)
CONNECTION = 5_000
"""Frames of one connection."""
RATE = 25
GAPS_S = (5.0, 120.0)
"""After a gap of the second kind objects are forgotten."""


@dataclass(frozen=True, slots=True)
class Row:
    """A tenth of the frames.  ms: of processor time, median and 95th percentile."""

    frames: str
    ms: float
    p95_ms: float
    rss_mib: float
    objects: int
    newest_id: int


class Looped(Playback):
    """A scene shown over and over at 25 frames/s of its own clock, and lost at times."""

    def __init__(self, frames: int, news: threading.Event) -> None:
        self._lost: list[ConnectionChange] = []
        super().__init__(ImageIterator(_images(frames)), "scene", drop=False, news=news)

    def take(self, timeout_s: float) -> Frame | None:
        """The next frame, at its own time."""
        frame = super().take(timeout_s)
        if frame is None:
            return None
        lost = frame.index // CONNECTION
        gap_s = GAPS_S[lost % 2]
        away_s = sum(GAPS_S[one % 2] for one in range(1, lost + 1))
        time_s = frame.index / RATE + away_s
        if lost + 1 != self.generation:
            down = ConnectionChange("down", self.generation, time_s - gap_s, "lost")
            self.generation = lost + 1
            up = ConnectionChange("up", self.generation, time_s, gap_s=gap_s)
            self._lost += [down, up]
        return Frame(frame.index, None, time_s, frame.image)

    def changes(self) -> tuple[ConnectionChange, ...]:
        """What happened to the connection."""
        changes = tuple(self._lost)
        self._lost = []
        return changes


def _images(frames: int) -> Iterator[np.ndarray]:
    """The scene forward and backward, so that nothing jumps."""
    drawn = [frame.image for frame in SyntheticVideo(SCENE)]
    there_and_back = [*drawn, *drawn[-2:0:-1]]
    for index in range(frames):
        yield there_and_back[index % len(there_and_back)].copy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=200_000)
    add_model_options(parser)
    parser.set_defaults(short_side=64)
    options = parser.parse_args()
    news = threading.Event()
    source = Looped(options.frames, news)
    cameras = {"scene": source}
    model = model_of(options)
    config = TrackConfig(
        short_side=options.short_side,
        # Crops cost the most at this size, and hold no more than the objects they are of.
        crops=CropSettings(most=0),
        redetection=RedetectionSettings(detect_every=500, max_objects=2, absent_s=2.0),
    )
    table = Table(Row)
    peaks = [0, 0]
    times: list[float] = []
    tenth = max(options.frames // 10, 1)
    with tempfile.TemporaryDirectory() as folder, source:
        told = _observers(Path(folder), cameras)
        began_s = time.process_time()
        for item in watch(cameras, LiveTask((), config), model, news):
            told.tell(item)
            if not isinstance(item, LiveFrame):
                continue
            now_s = time.process_time()
            times.append(1000 * (now_s - began_s))
            began_s = now_s
            count = item.frame.index + 1
            rss = memory_bytes() or 0
            half = int(count > options.frames // 2)
            peaks[half] = max(peaks[half], rss)
            if count % tenth == 0:
                table.add(_row(count - tenth, count, times, rss, item))
                times = []
        told.close()
    table.write(options.json)
    print(
        f"peak memory of the second half against the first: {100 * (peaks[1] / peaks[0] - 1):+.2f} %"
    )


def _row(first: int, end: int, times: list[float], rss: int, live: LiveFrame) -> Row:
    ids = live.masks.object_ids
    median, p95 = np.quantile(times, (0.5, 0.95))
    return Row(f"{first}-{end}", median, p95, rss / 2**20, len(ids), max(ids, default=0))


def _observers(folder: Path, cameras: dict[str, Looped]) -> LiveObservers:
    """Those of `vseg watch`, without a port."""

    def say(text: str) -> None:
        print(text, file=sys.stderr)

    limits = ClipLimits(most_bytes=20 * 10**6, most_days=1.0)
    recorder = ClipRecorder(
        ClipFolder(folder / "clips", limits), RecordSettings(5.0, objects=True), say
    )
    stamps = {"scene": EventStamp("scene", "soak")}
    gaps = GapEvents(stamps, JsonLinesSink(folder / "events.jsonl"), lambda text: None)
    return LiveObservers([LiveStatus(cameras), gaps, recorder], cameras)


if __name__ == "__main__":
    run(main)
