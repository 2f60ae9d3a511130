"""Intervals of a data set's mean, and of the difference of two runs, by resampling clips.

Enters: a DatasetScore, or two of the same clips.  Leaves: intervals of 95 %.  Clips are drawn
with replacement, whole: frames and objects of one clip are alike, so they are no independent
samples.  Percentile method: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993,
section 13.3.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vseg.errors import BadDataset
from vseg.metrics.jf_scores import DatasetScore, SequenceScore

RESAMPLES = 10_000
"""Enough that the ends of an interval move by less than 0.1 J&F from seed to seed."""
_SEED = 0
_ENDS = (2.5, 97.5)
_CHUNK = 256  # resamples at once: bounds memory for data sets of thousands of clips


@dataclass(frozen=True, slots=True)
class Interval:
    """The 95 % interval of a mean over clips, as fractions."""

    low: float
    high: float


def intervals(score: DatasetScore) -> dict[str, Interval] | None:
    """Of J&F, J and F of the data set; None of fewer than two clips."""
    sums, counts = _sums(score)
    drawn = _drawn(sums, counts)
    return None if drawn is None else _named(drawn)


def paired_intervals(first: DatasetScore, second: DatasetScore) -> dict[str, Interval] | None:
    """Of the gain of the second over the first in J&F, J and F, both on the same resamples.

    Raises BadDataset if they are not of the same clips and objects.
    """
    first_sums, counts = _sums(first)
    second_sums, other_counts = _sums(second)
    names = [clip.clip for clip in first.sequences]
    if names != [clip.clip for clip in second.sequences] or not np.array_equal(
        counts, other_counts
    ):
        raise BadDataset("the two runs were not scored on the same clips and objects")
    drawn = _drawn(second_sums - first_sums, counts)
    return None if drawn is None else _named(drawn)


def _sums(
    score: DatasetScore,
) -> tuple[Float[np.ndarray, "C 3"], Float[np.ndarray, " C"]]:
    """Of every clip, the sums of J&F, J and F over what the protocol's mean is over, and its
    number.
    """
    clips = [clip for clip in score.sequences if clip.objects]
    whole = score.protocol.mean_over == "clips"
    sums = np.array([_clip_sums(clip) / (len(clip.objects) if whole else 1) for clip in clips])
    counts = np.array(
        [1.0 if whole else len(clip.objects) for clip in clips], dtype=np.float64
    )
    return sums.reshape(-1, 3), counts


def _clip_sums(clip: SequenceScore) -> Float[np.ndarray, " 3"]:
    measures = [one.measures for one in clip.objects]
    rows = np.array([(one.jf_mean, one.j_mean, one.f_mean) for one in measures])
    return np.asarray(rows.sum(axis=0))


def _drawn(
    sums: Float[np.ndarray, "C 3"], counts: Float[np.ndarray, " C"]
) -> Float[np.ndarray, "R 3"] | None:
    """The means of all resamples."""
    num_clips = len(counts)
    if num_clips < 2:
        return None
    rng = np.random.default_rng(_SEED)
    means = []
    for start in range(0, RESAMPLES, _CHUNK):
        rows = min(_CHUNK, RESAMPLES - start)
        chosen = rng.integers(0, num_clips, (rows, num_clips))
        means.append(sums[chosen].sum(axis=1) / counts[chosen].sum(axis=1, keepdims=True))
    return np.concatenate(means)


def _named(drawn: Float[np.ndarray, "R 3"]) -> dict[str, Interval]:
    ends: Sequence[Sequence[float]] = np.percentile(drawn, _ENDS, axis=0).T.tolist()
    return {
        name: Interval(low, high)
        for name, (low, high) in zip(("j_and_f", "j_mean", "f_mean"), ends, strict=True)
    }
