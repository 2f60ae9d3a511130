"""How long `Tracker.update` takes, frame by frame, and whether it keeps a budget.

    python -m benchmarks.latency                                     # 480p, 1 object, 5 000 frames
    python -m benchmarks.latency --objects 10 --frames 1500
    python -m benchmarks.latency --budget 0.03 --frames 2000         # less than this machine can do
    python -m benchmarks.latency --budget 0.03 --objects 10 --frames 2000

A synthetic scene of objects that move, drawn before anything is timed, is played to and fro.
Printed are the percentiles of the latency, the ratio of the 95th to the median, and what was
left out to keep the budget; the mean overlap with the true masks says what that cost.  The
resident memory after a fifth of the frames and at the end shows that nothing grows.  Exit code
1 if the 95th percentile is over the budget, or without one over 1.5 medians.
"""

import argparse
import gc
import json
import resource
import sys
import time
from collections import Counter

import numpy as np

from benchmarks.shared import machine
from vseg import Tracker, load_model
from vseg.ops.masks import mask_iou
from vseg.synthetic import SceneConfig, SyntheticVideo

HEIGHT = 480
WIDTH = 854
DRAWN = 40
"""Frames of the scene; played forward and backward, so that nothing jumps."""
WARM = 30
"""First updates that are not counted: caches fill, and the memory."""
MOST_SPREAD = 1.5
"""The 95th percentile in medians, at most."""


def main() -> int:
    """Play the scene and print what was measured; 1 if it is not good enough."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=5000)
    parser.add_argument("--objects", type=int, default=1)
    parser.add_argument("--budget", type=float, default=None, help="seconds an update")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args()
    images, truth = drawn_scene(options.objects, options.seed)
    model = load_model("nano", device=options.device)
    with Tracker(model, latency_budget_s=options.budget) as tracker:
        if options.budget is not None:
            tracker.warm_up(HEIGHT, WIDTH, options.objects)
        tracker.update(images[0], 0.0)
        for obj in range(1, options.objects + 1):
            tracker.prompt(obj, mask=truth[0] == obj)
        facts, p50, p95 = play(tracker, images, truth, options.frames)
        report = tracker.latency()
    print(machine())
    print(json.dumps(vars(options) | facts))
    left_out = {
        name: getattr(report, name) for name in ("reduced", "held", "unremembered", "updates")
    }
    print(json.dumps(left_out))
    if options.budget is None:
        print(f"p95 / median = {p95 / p50:.3f}, at most {MOST_SPREAD}")
        return int(p95 > MOST_SPREAD * p50)
    print(f"p95 = {p95:.1f} ms, budget {1000 * options.budget:.1f} ms")
    return int(p95 > 1000 * options.budget)


def drawn_scene(objects: int, seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Images and true labels."""
    config = SceneConfig(HEIGHT, WIDTH, DRAWN, seed=seed, num_objects=objects, occluders=0)
    with SyntheticVideo(config) as scene:
        frames = [scene.draw(index) for index in range(DRAWN)]
    return [drawn.frame.image for drawn in frames], [drawn.labels for drawn in frames]


def play(
    tracker: Tracker, images: list[np.ndarray], truth: list[np.ndarray], frames: int
) -> tuple[dict[str, object], float, float]:
    """Latencies, overlap and memory; the median and the 95th percentile in milliseconds."""
    seconds = []
    overlap = []
    sides: Counter[int | None] = Counter()
    early_mib = 0.0
    for number in range(1, frames + 1):
        place = number % (2 * DRAWN - 2)
        place = min(place, 2 * DRAWN - 2 - place)
        began = time.perf_counter()
        masks = tracker.update(images[place], number / 30)
        seconds.append(time.perf_counter() - began)
        update = tracker.last_update
        sides[None if update is None else update.short_side] += 1
        if number % 25 == 0:
            overlap += [mask_iou(masks[obj], truth[place] == obj) for obj in masks]
        if number == max(WARM, frames // 5):
            gc.collect()
            early_mib = resident_mib()
    counted = 1000 * np.array(seconds[min(WARM, frames // 2) :])
    p50, p95, p99, most = np.percentile(counted, [50, 95, 99, 100]).round(2).tolist()
    thirds = [float(np.median(part).round(2)) for part in np.array_split(counted, 3)]
    facts = {
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "max_ms": most,
        "median_ms_by_third": thirds,
        "mean_iou": round(float(np.mean(overlap)), 3) if overlap else None,
        "short_sides": {str(side): count for side, count in sides.items()},
        "resident_mib": [round(early_mib), round(resident_mib())],
    }
    return facts, p50, p95


def resident_mib() -> float:
    """The most memory that this process has held so far."""
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes / 1024


if __name__ == "__main__":
    sys.exit(main())
