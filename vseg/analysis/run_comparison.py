"""Two runs scored on the same clips, object by object: which is better, where, how surely.

Enters: ground truth, predictions of both, a protocol.  Leaves: a RunComparison.  Both are
scored by the same truth and protocol, so objects and frames pair up one to one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vseg.analysis.predictions import opened
from vseg.errors import BadDataset
from vseg.metrics.bootstrap import Interval, paired_intervals
from vseg.metrics.jf_scores import DatasetScore, Measures, ObjectScore
from vseg.metrics.mask_evaluation import evaluate_clips
from vseg.metrics.protocols import Protocol

SHOWN = 6
"""Frames shown on either side: what fits on a screen.  A round value."""


@dataclass(frozen=True, slots=True)
class ObjectPair:
    """One object as both runs have it."""

    clip: str
    object_id: int
    first: ObjectScore
    second: ObjectScore

    @property
    def gain(self) -> float:
        """J&F of the second less that of the first."""
        return self.second.measures.jf_mean - self.first.measures.jf_mean


@dataclass(frozen=True, slots=True)
class FramePair:
    """One object on one frame: J&F of the first run, and of the second."""

    clip: str
    object_id: int
    frame: int
    first: float
    second: float

    @property
    def gain(self) -> float:
        """What the second is better by."""
        return self.second - self.first


@dataclass(frozen=True, slots=True)
class RunComparison:
    """names: of both runs.  intervals: of the gain, over clips; None of a single clip.

    lost, won: of each object the frame where the second is furthest behind or ahead, the
    largest differences first.  left_out: clips that only one of them has.
    """

    names: tuple[str, str]
    first: DatasetScore
    second: DatasetScore
    objects: tuple[ObjectPair, ...]
    intervals: Mapping[str, Interval] | None
    lost: tuple[FramePair, ...]
    won: tuple[FramePair, ...]
    left_out: tuple[str, ...]

    @property
    def gain(self) -> Mapping[str, float]:
        """J&F, J and F of the second less those of the first."""
        first = _shares(self.first.measures)
        second = _shares(self.second.measures)
        return {name: second[name] - first[name] for name in first}


def compare_runs(
    gt: Path,
    first: Mapping[str, Path],
    second: Mapping[str, Path],
    names: tuple[str, str],
    protocol: Protocol,
) -> RunComparison:
    """Score both on the clips that both have.  Raises BadDataset if there is none."""
    clips = sorted(first.keys() & second.keys())
    if not clips:
        raise BadDataset(
            f"{names[0]} and {names[1]} have no clip in common",
            hint=f"the first has {', '.join(sorted(first))}",
        )
    scores = [
        evaluate_clips(gt, opened({clip: side[clip] for clip in clips}), protocol)
        for side in (first, second)
    ]
    pairs = _object_pairs(scores[0], scores[1])
    frames = [frame for pair in pairs for frame in _extremes(pair)]
    return RunComparison(
        names,
        scores[0],
        scores[1],
        pairs,
        paired_intervals(scores[0], scores[1]),
        _largest([one for one in frames if one.gain < 0]),
        _largest([one for one in frames if one.gain > 0]),
        tuple(sorted(first.keys() ^ second.keys())),
    )


def jf_of(one: ObjectScore) -> np.ndarray:
    """J&F on every annotated frame."""
    return np.asarray((one.curve.j + one.curve.f) / 2)


def _shares(measures: Measures) -> dict[str, float]:
    return {
        "j_and_f": measures.jf_mean,
        "j_mean": measures.j_mean,
        "f_mean": measures.f_mean,
    }


def _object_pairs(first: DatasetScore, second: DatasetScore) -> tuple[ObjectPair, ...]:
    others = {
        (clip.clip, one.object_id): one for clip in second.sequences for one in clip.objects
    }
    return tuple(
        ObjectPair(clip.clip, one.object_id, one, others[clip.clip, one.object_id])
        for clip in first.sequences
        for one in clip.objects
    )


def _extremes(pair: ObjectPair) -> list[FramePair]:
    """The counted frames with the largest loss and the largest gain."""
    curve = pair.first.curve
    both = curve.counted & pair.second.curve.counted
    first = jf_of(pair.first)
    second = jf_of(pair.second)
    gain = np.where(both, second - first, 0.0)
    return [
        FramePair(
            pair.clip,
            pair.object_id,
            int(curve.frames[place]),
            float(first[place]),
            float(second[place]),
        )
        for place in (int(gain.argmin()), int(gain.argmax()))
        if gain[place]
    ]


def _largest(frames: Sequence[FramePair]) -> tuple[FramePair, ...]:
    return tuple(sorted(frames, key=lambda one: -abs(one.gain))[:SHOWN])
