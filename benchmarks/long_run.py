"""Memory and time of a long synthetic scene, tenth by tenth: nothing should grow.

    python benchmarks/long_run.py --frames 20000 --objects 2

Resident memory of the second half must stay within 2 % of the first half's peak, state bytes
must be constant once the memory is full, and the time per frame flat.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from vseg import Session, load_model
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.video.prefetch import ahead


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--objects", type=int, default=2)
    parser.add_argument("--short-side", type=int, default=128)
    options = parser.parse_args()
    config = SceneConfig(
        height=144, width=256, num_frames=options.frames, num_objects=options.objects, seed=1
    )
    model = load_model("nano", short_side=options.short_side)
    with SyntheticVideo(config) as scene, Session(model, scene) as session:
        for obj in scene.object_ids:
            frame = scene.first_point(obj).frame_index
            session.prompt(obj, frame, mask=scene.truth(frame) == obj)
        _run(session, scene, options.frames)


def _run(session: Session, scene: SyntheticVideo, frames: int) -> None:
    tenth = frames // 10
    times = []
    peaks = [0, 0]
    state: set[int] = set()
    print(f"{'frames':>15} {'ms/frame':>9} {'RSS MiB':>9} {'state bytes':>12}")
    with ahead(scene.frames()) as images:
        started = time.perf_counter()
        for masks in session.propagate(start=0, frames=images):
            now = time.perf_counter()
            times.append(now - started)
            started = now
            count = masks.frame_index + 1
            if count % 100 == 0:
                half = int(count > frames // 2)
                peaks[half] = max(peaks[half], _rss())
                if count > frames // 2 and masks.visible.all():
                    state.add(session.state_bytes())
            if count % tenth == 0:
                median = 1000 * float(np.median(times))
                span = f"{count - tenth}-{count}"
                print(
                    f"{span:>15} {median:9.2f} {_rss() / 2**20:9.1f} "
                    f"{session.state_bytes():12d}"
                )
                times = []
    growth = 100 * (peaks[1] / peaks[0] - 1)
    print(f"peak RSS of the second half against the first: {growth:+.2f} %")
    print(f"state bytes while all objects are visible, second half: {sorted(state)}")


def _rss() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


if __name__ == "__main__":
    main()
