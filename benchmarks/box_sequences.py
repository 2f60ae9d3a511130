"""Sequences of boxes: the true ones with ids, and a detector's; and a tracker's run over them.

Enters: a MOTChallenge-style folder, gt/gt.txt and det/det.txt; a tracker.  Leaves: Sequences
and IdentityClips.

KITTI-* are scored on cars and, where at least `LEAST_PEOPLE` true boxes of them stand in it,
on pedestrians as a sequence of their own (detections of score > 0, confidence = sigmoid of the
score, 10 frames/s); others on all boxes at the rate of seqinfo.ini.
"""

import configparser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import Float

from vseg.metrics.identity_clip import IdentifiedBoxes, IdentityClip, box_clip
from vseg_trackers import ClipConfig, Detections, Track, track_clip

KITTI_RATE = 10.0  # frames/s, as KITTI was recorded
# The names of the groups, and KITTI's class ids in MOTChallenge's column.
KITTI_CLASSES = {"KITTI": 3, "KITTI people": 1}
LEAST_PEOPLE = 50
ALL_CLASSES = -1


class BoxTracker(Protocol):
    """What every tracker of boxes does."""

    def update(self, detections: Detections) -> tuple[Track, ...]: ...

    def tracks(self) -> tuple[Track, ...]: ...


@dataclass(frozen=True)
class Sequence:
    """One clip: true boxes and detections per frame, in order."""

    name: str
    truth: list[IdentifiedBoxes]
    detections: list[Detections]

    @property
    def group(self) -> str:
        return self.name.split("-")[0]


def read_sequences(data: Path) -> list[Sequence]:
    """Every sequence below a folder."""
    folders = sorted(path.parent.parent for path in data.glob("*/det/det.txt"))
    sequences = []
    for folder in folders:
        if not folder.name.startswith("KITTI-"):
            sequences.append(_read(folder, folder.name, ALL_CLASSES))
            continue
        for group, label in KITTI_CLASSES.items():
            one = _read(folder, folder.name.replace("KITTI", group), label)
            boxes = sum(len(frame.ids) for frame in one.truth)
            if group == "KITTI" or boxes >= LEAST_PEOPLE:
                sequences.append(one)
    return sorted(sequences, key=lambda one: one.name)


def _read(folder: Path, name: str, label: int) -> Sequence:
    """The boxes of one folder; frames without any row are empty, not missing."""
    truth = np.loadtxt(folder / "gt" / "gt.txt", delimiter=",", ndmin=2)
    detected = np.loadtxt(folder / "det" / "det.txt", delimiter=",", ndmin=2)
    last = int(max(truth[:, 0].max(), detected[:, 0].max()))
    if label == ALL_CLASSES:
        rate = _rate(folder)
        scores = detected[:, 6]
    else:
        truth = truth[truth[:, 7] == label]
        detected = detected[(detected[:, 7] == label) & (detected[:, 6] > 0)]
        rate = KITTI_RATE
        scores = 1 / (1 + np.exp(-detected[:, 6]))
    true_frames = []
    detections = []
    for frame in range(1, last + 1):
        of_truth = truth[truth[:, 0] == frame]
        here = detected[:, 0] == frame
        boxes = _corners(detected[here, 2:6])
        ids = of_truth[:, 1].astype(int)
        true_frames.append(IdentifiedBoxes(ids, _corners(of_truth[:, 2:6])))
        detections.append(Detections(frame / rate, boxes, np.clip(scores[here], 0, 1)))
    return Sequence(name, true_frames, detections)


def _rate(folder: Path) -> float:
    parser = configparser.ConfigParser()
    parser.read(folder / "seqinfo.ini")
    return parser.getfloat("Sequence", "frameRate")


def _corners(xywh: Float[np.ndarray, "N 4"]) -> Float[np.ndarray, "N 4"]:
    return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)


def identified(tracks: tuple[Track, ...]) -> IdentifiedBoxes:
    """The ids and boxes of one frame's tracks."""
    boxes = np.array([track.box for track in tracks], dtype=float).reshape(-1, 4)
    return IdentifiedBoxes(np.array([track.track_id for track in tracks], dtype=int), boxes)


def online(make: Callable[[], BoxTracker], sequence: Sequence) -> IdentityClip:
    """Track a sequence frame by frame and pair what `update` returns with the truth."""
    tracker = make()
    frames = [identified(tracker.update(detections)) for detections in sequence.detections]
    return box_clip(sequence.truth, frames)


def offline(sequence: Sequence, config: ClipConfig | None = None) -> IdentityClip:
    """Track a sequence as a whole and pair all tracks with the truth."""
    times_s = [detections.time_s for detections in sequence.detections]
    ids: list[list[int]] = [[] for _ in times_s]
    boxes: list[list[Float[np.ndarray, " 4"]]] = [[] for _ in times_s]
    for track in track_clip(sequence.detections, config).tracks:
        at = np.searchsorted(times_s, track.times_s)
        for frame, box in zip(at, track.boxes, strict=True):
            ids[frame].append(track.track_id)
            boxes[frame].append(box)
    frames = [
        IdentifiedBoxes(
            np.array(frame_ids, dtype=int), np.array(frame_boxes, dtype=float).reshape(-1, 4)
        )
        for frame_ids, frame_boxes in zip(ids, boxes, strict=True)
    ]
    return box_clip(sequence.truth, frames)
