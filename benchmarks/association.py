"""Identity measures, causes of switches and speed of the trackers on sequences of boxes.

    python benchmarks/association.py --data mot/            every sequence below mot/
    python benchmarks/association.py --crowds 4             synthetic crowds and streets
    python benchmarks/association.py --data mot/ --causes   why identities switch
    python benchmarks/association.py --speed                processor ms per frame

The last table, `track_clip`, is offline: it uses the whole clip.  What a sequence is and how
it is scored: box_sequences.py, crowds.py.  One set of defaults for every sequence; sequences
of one group are counted as one.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.box_sequences import BoxTracker, Sequence, offline, online, read_sequences
from benchmarks.crowds import crowds
from benchmarks.switch_causes import Cause, switch_causes
from vseg.metrics.clear import ClearCounts, count_clear
from vseg.metrics.hota import HotaCounts, count_hota
from vseg.metrics.identity_clip import IdentityClip
from vseg.metrics.idf1 import IdentityCounts, count_identity
from vseg_trackers import ByteTrack, Detections, MaskletAssociator, OCSort, Sort

TRACKERS: dict[str, Callable[[], BoxTracker]] = {
    "sort": Sort,
    "bytetrack": ByteTrack,
    "ocsort": OCSort,
    "masklet": MaskletAssociator,
}


def rows(
    run: Callable[[Sequence], IdentityClip], sequences: list[Sequence]
) -> Iterator[tuple[str, str]]:
    """(name, measures) of every sequence and of every group together."""
    clips = {sequence.name: run(sequence) for sequence in sequences}
    groups: dict[str, list[IdentityClip]] = {}
    for sequence in sequences:
        groups.setdefault(sequence.group, []).append(clips[sequence.name])
        yield sequence.name, _measures([clips[sequence.name]])
    for group, members in groups.items():
        yield f"{group} together", _measures(members)


def _measures(clips: list[IdentityClip]) -> str:
    hota = HotaCounts.total([count_hota(clip) for clip in clips]).score()
    identity = IdentityCounts.total([count_identity(clip) for clip in clips])
    clear = ClearCounts.total([count_clear(clip) for clip in clips])
    shares = (hota.hota, hota.det_a, hota.ass_a, hota.loc_a, identity.f1, clear.mota)
    return "".join(f"{100 * share:7.2f}" for share in shares) + (
        f"{clear.switches:6d}{clear.fragments:6d}"
    )


def print_measures(sequences: list[Sequence]) -> None:
    """A table of every tracker, and of `track_clip`."""
    runs: dict[str, Callable[[Sequence], IdentityClip]] = {
        **{name: partial(online, make) for name, make in TRACKERS.items()},
        "track_clip": offline,
    }
    for name, run in runs.items():
        print(f"{name:<22}   HOTA   DetA   AssA   LocA   IDF1   MOTA  IDSW  Frag")
        for sequence, measures in rows(run, sequences):
            print(f"{sequence:<22}{measures}")


def print_causes(sequences: list[Sequence]) -> None:
    """A table of switches by cause, a column for each tracker."""
    groups = list(dict.fromkeys(sequence.group for sequence in sequences))
    for group in groups:
        members = [sequence for sequence in sequences if sequence.group == group]
        counts: dict[str, Counter[Cause]] = {
            name: sum((switch_causes(make, one) for one in members), Counter())
            for name, make in TRACKERS.items()
        }
        print(f"{group:<55}" + "".join(f"{name:>10}" for name in counts))
        for cause in Cause:
            print(f"{cause:<55}" + "".join(f"{n[cause]:10d}" for n in counts.values()))
        print(f"{'switches':<55}" + "".join(f"{n.total():10d}" for n in counts.values()))


def milliseconds(
    make: Callable[[], BoxTracker], num_boxes: int, num_frames: int = 200
) -> float:
    """Mean processor time of an update with `num_boxes` drifting through a 1080p image."""
    rng = np.random.default_rng(0)
    centre = rng.uniform((0, 0), (1920, 1080), (num_boxes, 2))
    speed = rng.normal(0, 60, (num_boxes, 2))
    size = rng.uniform(30, 90, (num_boxes, 2))
    frames = []
    for frame in range(num_frames):
        at = centre + speed * frame / 30 + rng.normal(0, 1, centre.shape)
        boxes = np.concatenate([at - size / 2, at + size / 2], axis=1)
        frames.append((frame / 30, boxes, rng.uniform(0.3, 1, num_boxes)))
    tracker = make()
    start = time.process_time()
    for time_s, boxes, scores in frames:
        tracker.update(Detections(time_s, boxes, scores))
    return 1000 * (time.process_time() - start) / num_frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, help="folder with one folder per sequence")
    parser.add_argument("--crowds", type=int, default=0, help="synthetic: seeds, 4 clips each")
    parser.add_argument("--causes", action="store_true", help="why identities switch")
    parser.add_argument("--speed", action="store_true", help="measure ms per frame")
    arguments = parser.parse_args()
    if arguments.data is None and not arguments.speed and not arguments.crowds:
        parser.error("give --data FOLDER, --crowds N, --speed, or several of them")
    sequences = [] if arguments.data is None else read_sequences(arguments.data)
    sequences += crowds(arguments.crowds)
    if sequences:
        (print_causes if arguments.causes else print_measures)(sequences)
    if arguments.speed:
        for name, make in TRACKERS.items():
            times = [milliseconds(make, n) for n in (10, 100, 500)]
            print(
                f"{name:<16} cpu ms at 10/100/500 boxes: "
                + "  ".join(f"{t:.3f}" for t in times)
            )


if __name__ == "__main__":
    main()
