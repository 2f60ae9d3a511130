"""Whether the VOT toolkit and `vseg eval` say the same of the same masks.

Enters: what the toolkit wrote, and the CSV of frames and the scores of `vseg eval`.  Leaves:
rows of a table, each with both numbers.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

TOLERANCE = 1e-9
"""Both divide the same whole numbers: what differs is the order of sums."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measure.  difference: the largest one, where it is of many frames."""

    data: str
    measure: str
    toolkit: float
    vseg: float
    difference: float
    frames: int


@dataclass(frozen=True, slots=True)
class FrameValues:
    """One object on one frame, as `vseg eval --protocol vots --per-frame` wrote it."""

    frame: int
    visible: bool
    j: float
    f: float


Frames = Mapping[tuple[str, int], Sequence[FrameValues]]
"""By clip and object id."""


def read_frames(path: Path) -> Frames:
    """The rows of the CSV by clip and object."""
    found: dict[tuple[str, int], list[FrameValues]] = {}
    with path.open(encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            values = FrameValues(
                int(row["frame"]), row["true_area"] != "0", float(row["j"]), float(row["f"])
            )
            found.setdefault((row["clip"], int(row["object"])), []).append(values)
    return found


def davis_rows(data: str, answers: Sequence[Any], frames: Frames) -> Iterator[Row]:
    """J&F, J and F of the stack davis2017val, by its rule of frames: those with the object, the
    first and the last of them too; the clip's first frame, where the tracker was told, is 1.
    """
    means: dict[str, list[float]] = {"J&F": [], "J": [], "F": []}
    count = 0
    for values in frames.values():
        visible = [one for one in values if one.visible]
        told = [1.0 if one.frame == 0 else one.j for one in visible]
        contours = [1.0 if one.frame == 0 else one.f for one in visible]
        count += len(visible)
        means["J"].append(float(np.mean(told)))
        means["F"].append(float(np.mean(contours)))
        means["J&F"].append((means["J"][-1] + means["F"][-1]) / 2)
    for (measure, ours), answer in zip(means.items(), answers, strict=True):
        theirs, mine = float(answer[0][0]), float(np.mean(ours))
        yield Row(data, measure, theirs, mine, abs(theirs - mine), count)


def overlap_row(
    data: str,
    answers: Sequence[Any],
    clips: Sequence[str],
    names: Mapping[str, dict[int, str]],
    frames: Frames,
) -> Row:
    """IoU of every frame with the object, but the clip's first.

    names: the toolkit's names of the objects by id, for each clip.
    """
    theirs: list[float] = []
    ours: list[float] = []
    for clip, answer in zip(clips, answers[0], strict=True):
        told = {name: dict(zip(at, overlaps, strict=True)) for name, overlaps, at in answer[0]}
        for object_id, name in names[clip].items():
            for one in frames[clip, object_id]:
                if one.visible and one.frame > 0:
                    theirs.append(told[name][one.frame])
                    ours.append(one.j)
    worst = float(np.max(np.abs(np.array(theirs) - np.array(ours))))
    return Row(
        data, "IoU by frame", float(np.mean(theirs)), float(np.mean(ours)), worst, len(ours)
    )


def vots_rows(
    data: str, answers: Sequence[Any], quality: float, presence: Mapping[str, float | None]
) -> Iterator[Row]:
    """VOTS' measures; those that no object gives occasion for are left out on both sides."""
    (their_quality,), (accuracy, robustness, _), (nre, dre, adq) = (a[0] for a in answers)
    pairs = {
        "quality": (their_quality, quality),
        "accuracy": (accuracy, presence["accuracy"]),
        "robustness": (robustness, presence["robustness"]),
        "NRE": (nre, presence["nre"]),
        "DRE": (dre, presence["dre"]),
        "ADQ": (adq, presence["adq"]),
    }
    for measure, (theirs, ours) in pairs.items():
        if theirs is None and ours is None:
            continue
        if theirs is None or ours is None:
            raise SystemExit(f"{data}: {measure} is {theirs} there and {ours} here")
        yield Row(data, measure, theirs, ours, abs(theirs - ours), 0)
