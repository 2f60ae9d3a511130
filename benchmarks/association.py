"""Identity measures and speed of the trackers on MOTChallenge-style folders of boxes.

    python benchmarks/association.py --data mot/            every sequence below mot/
    python benchmarks/association.py --speed                processor ms per frame

The last table, `track_clip`, is offline: it uses the whole clip.

A sequence is a folder with gt/gt.txt and det/det.txt.  KITTI-* are scored on cars (class 3,
detection score > 0, confidence = sigmoid of the score) at 10 frames/s; others on all boxes at
the rate of seqinfo.ini.  One set of defaults for every sequence; sequences of one group are
counted as one.
"""

import argparse
import configparser
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from vseg.metrics.clear import ClearCounts, count_clear
from vseg.metrics.hota import HotaCounts, count_hota
from vseg.metrics.identity_clip import IdentifiedBoxes, IdentityClip, box_clip
from vseg.metrics.idf1 import IdentityCounts, count_identity
from vseg_trackers import (
    ByteTrack,
    Detections,
    MaskletAssociator,
    OCSort,
    Sort,
    Track,
    TrackState,
    track_clip,
)

CAR = 3  # KITTI's class id in MOTChallenge's column
KITTI_RATE = 10.0  # frames/s, as KITTI was recorded


class Tracker(Protocol):
    def update(self, detections: Detections) -> tuple[Track, ...]: ...


TRACKERS: dict[str, Callable[[], Tracker]] = {
    "sort": Sort,
    "bytetrack": ByteTrack,
    "ocsort": OCSort,
    "masklet": MaskletAssociator,
}


@dataclass(frozen=True)
class Sequence:
    """One clip: true boxes and detections per frame, in order."""

    name: str
    truth: list[IdentifiedBoxes]
    detections: list[Detections]

    @property
    def group(self) -> str:
        return self.name.split("-")[0]


def read_sequence(folder: Path) -> Sequence:
    """The boxes of one folder; frames without any row are empty, not missing."""
    kitti = folder.name.startswith("KITTI")
    truth = np.loadtxt(folder / "gt" / "gt.txt", delimiter=",", ndmin=2)
    detected = np.loadtxt(folder / "det" / "det.txt", delimiter=",", ndmin=2)
    if kitti:
        truth = truth[truth[:, 7] == CAR]
        detected = detected[(detected[:, 7] == CAR) & (detected[:, 6] > 0)]
    rate = KITTI_RATE if kitti else _rate(folder)
    scores = 1 / (1 + np.exp(-detected[:, 6])) if kitti else detected[:, 6]
    last = int(max(truth[:, 0].max(), detected[:, 0].max()))
    true_frames = []
    detections = []
    for frame in range(1, last + 1):
        of_truth = truth[truth[:, 0] == frame]
        here = detected[:, 0] == frame
        boxes = _corners(detected[here, 2:6])
        ids = of_truth[:, 1].astype(int)
        true_frames.append(IdentifiedBoxes(ids, _corners(of_truth[:, 2:6])))
        detections.append(Detections(frame / rate, boxes, np.clip(scores[here], 0, 1)))
    return Sequence(folder.name, true_frames, detections)


def _rate(folder: Path) -> float:
    parser = configparser.ConfigParser()
    parser.read(folder / "seqinfo.ini")
    return parser.getfloat("Sequence", "frameRate")


def _corners(xywh: np.ndarray) -> np.ndarray:
    return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)


def online(make: Callable[[], Tracker], sequence: Sequence) -> IdentityClip:
    """Track a sequence frame by frame and pair the confirmed tracks with the truth."""
    tracker = make()
    frames = []
    for detections in sequence.detections:
        tracks = [t for t in tracker.update(detections) if t.state is TrackState.CONFIRMED]
        boxes = np.array([t.box for t in tracks], dtype=float).reshape(-1, 4)
        frames.append(
            IdentifiedBoxes(np.array([t.track_id for t in tracks], dtype=int), boxes)
        )
    return box_clip(sequence.truth, frames)


def offline(sequence: Sequence) -> IdentityClip:
    """Track a sequence as a whole and pair all tracks with the truth."""
    times_s = [detections.time_s for detections in sequence.detections]
    ids: list[list[int]] = [[] for _ in times_s]
    boxes: list[list[np.ndarray]] = [[] for _ in times_s]
    for track in track_clip(sequence.detections).tracks:
        for frame, box in zip(
            np.searchsorted(times_s, track.times_s), track.boxes, strict=True
        ):
            ids[frame].append(track.track_id)
            boxes[frame].append(box)
    frames = [
        IdentifiedBoxes(
            np.array(frame_ids, dtype=int), np.array(frame_boxes, dtype=float).reshape(-1, 4)
        )
        for frame_ids, frame_boxes in zip(ids, boxes, strict=True)
    ]
    return box_clip(sequence.truth, frames)


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


def milliseconds(make: Callable[[], Tracker], num_boxes: int, num_frames: int = 200) -> float:
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
    parser.add_argument("--speed", action="store_true", help="measure ms per frame")
    arguments = parser.parse_args()
    if arguments.data is None and not arguments.speed:
        parser.error("give --data FOLDER, --speed, or both")
    if arguments.data is not None:
        folders = sorted(p.parent.parent for p in arguments.data.glob("*/det/det.txt"))
        sequences = [read_sequence(folder) for folder in folders]
        runs: dict[str, Callable[[Sequence], IdentityClip]] = {
            **{name: partial(online, make) for name, make in TRACKERS.items()},
            "track_clip": offline,
        }
        for name, run in runs.items():
            print(f"{name:<16}   HOTA   DetA   AssA   LocA   IDF1   MOTA  IDSW  Frag")
            for sequence, measures in rows(run, sequences):
                print(f"{sequence:<16}{measures}")
    if arguments.speed:
        for name, make in TRACKERS.items():
            times = [milliseconds(make, n) for n in (10, 100, 500)]
            print(
                f"{name:<16} cpu ms at 10/100/500 boxes: "
                + "  ".join(f"{t:.3f}" for t in times)
            )


if __name__ == "__main__":
    main()
