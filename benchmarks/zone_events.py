"""Do events say what happens in zones and on lines, and what do they cost?

    python benchmarks/zone_events.py                       # true masks, and the cost
    python benchmarks/zone_events.py --nano --seeds 0 2    # also tracked by nano

Cars or people pass on synthetic streets, whose speed says when each foot is on the line and in
the zone.  With true masks ids must agree and times may be off by a frame; what nano tracks, led
by a simulated detector as in streets.py, has ids of its own and half a second.  The cost is
that of one `EventEngine.update`, in processor time, with all rules on.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.shared import Table, run
from benchmarks.streets import track
from benchmarks.streets_scene import FPS, HEIGHT, WIDTH, Street, StreetScene
from benchmarks.zone_truth import ZONES, compare, told_happenings, true_happenings
from vseg import load_model
from vseg.events.event_engine import EventEngine
from vseg.events.scene_event import EventStamp
from vseg.events.zone_file import ZoneFile, read_zone_file
from vseg.frame_masks import FrameMasks, MaskSource
from vseg.interfaces.model import Model
from vseg.synthetic import TrueFrame
from vseg.types import MaskCrop

EXAMPLE = Path(__file__).resolve().parents[1] / "configs" / "zones.toml"
_FRAME_S = 1 / FPS + 1e-6
_HALF_S = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """True, told and matched happenings of one kind; frames: how far times are off at most."""

    masks: str
    figures: str
    kind: str
    true: int
    told: int
    matched: int
    f1: float
    frames: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Events of a frame, and milliseconds of processor time."""

    objects: int
    events: float
    median_ms: float
    mean_ms: float
    p95_ms: float


def main() -> None:
    """Print what the streets come to, and what a frame costs."""
    options = _options()
    model = load_model("nano", short_side=options.short_side) if options.nano else None
    table = Table(Row)
    for figures in options.kinds:
        for masks in ("true", "nano") if model else ("true",):
            for row in _scored(figures, options.seeds, model if masks == "nano" else None):
                table.add(row)
    table.write(options.json)
    cost = Table(Cost)
    for objects in options.objects:
        cost.add(_cost(objects, options.frames))
    cost.write(None)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--kinds", nargs="+", choices=("cars", "people"), default=["cars", "people"]
    )
    # Even seeds: odd ones are upright streets, where figures lie on their side.
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 2, 4, 6])
    parser.add_argument("--nano", action="store_true", help="also track with nano")
    parser.add_argument("--short-side", type=int, default=256)
    parser.add_argument("--objects", nargs="+", type=int, default=[10, 50])
    parser.add_argument("--frames", type=int, default=400, help="of the cost")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    return parser.parse_args()


def _scored(figures: str, seeds: Sequence[int], model: Model | None) -> Iterator[Row]:
    """The rows of one kind of street, with true masks or with those of a model."""
    totals: dict[str, list[float]] = {"crossing": [0, 0, 0, 0.0], "inside": [0, 0, 0, 0.0]}
    for seed in seeds:
        scene = StreetScene(Street(seed, figures, alike=False))
        engine = EventEngine(ZONES, HEIGHT, WIDTH, EventStamp("street", str(seed), None))
        events = []
        for masks in _masks(scene, model):
            events += engine.update(masks, {})
        told = told_happenings([*events, *engine.end()])
        true = true_happenings(scene)
        within_s = _FRAME_S if model is None else _HALF_S
        for kind, total in totals.items():
            score = compare(
                [one for one in true if one.kind == kind],
                [one for one in told if one.kind == kind],
                within_s,
                by_id=model is None,
            )
            total[0] += score.true
            total[1] += score.told
            total[2] += score.matched
            total[3] = max(total[3], score.largest_off_s * FPS)
    name = "true" if model is None else "nano"
    for kind, (true_n, told_n, matched, off) in totals.items():
        f1 = 2 * matched / max(1, true_n + told_n)
        yield Row(name, figures, kind, int(true_n), int(told_n), int(matched), f1, off)


def _masks(scene: StreetScene, model: Model | None) -> Iterator[FrameMasks]:
    if model is None:
        for true in scene:
            ids = [one.object_id for one in scene.passages]
            yield FrameMasks.of(true.frame, {i: true.labels == i for i in ids})
        return
    frames: list[TrueFrame] = list(scene)
    yield from track(model, frames, scene, "truth")


def _cost(objects: int, frames: int) -> Cost:
    """Walkers, 30 x 80, who cross 480p in every direction, judged by all rules of the example."""
    file = read_zone_file(EXAMPLE)
    file = ZoneFile.model_validate(
        file.model_dump() | {"zone": [one.model_dump() | {"labels": []} for one in file.zone]}
    )
    rng = np.random.default_rng(0)
    places = rng.uniform((0, 0), (820, 400), (objects, 2))
    steps = rng.uniform(-4, 4, (objects, 2))
    body = rng.random((80, 30)) < 0.9
    engine = EventEngine(file, 480, 854, EventStamp("cost", "0", None))
    ids = tuple(range(1, objects + 1))
    labels = {i: ("person", "truck")[i % 2] for i in ids}
    image = np.zeros((480, 854, 3), dtype=np.uint8)
    sources: tuple[MaskSource, ...] = tuple("track" for _ in ids)
    spent = []
    events = 0
    for index in range(frames):
        # They turn round at the frame's edges.
        steps = np.where((places + steps < 0) | (places + steps > (820, 400)), -steps, steps)
        places = places + steps
        crops = {
            i: MaskCrop(int(x), int(y), body)
            for i, (x, y) in zip(ids, places.tolist(), strict=True)
        }
        masks = FrameMasks(
            index,
            index / 25,
            *image.shape[:2],
            ids,
            np.full(objects, 0.9, np.float32),
            np.ones(objects, bool),
            sources,
            crops,
        )
        began = time.process_time()
        told = engine.update(masks, labels)
        spent.append(1e3 * (time.process_time() - began))
        events += len(told)
    return Cost(
        objects,
        events / frames,
        float(np.median(spent)),
        float(np.mean(spent)),
        float(np.percentile(spent, 95)),
    )


if __name__ == "__main__":
    run(main)
