"""What MOSEv2 and VOTS measure of objects that are absent, or that a tracker loses.

Enters: the curve of one object.  Leaves: measures in [0, 1] by name; None where the object
gives no occasion.  Sources: MOSEv2: Ding et al., arXiv 2508.05630, and its evaluator; VOTS:
Kristan et al., ICCVW 2023, section 4, and its toolkit.  The frames before an object's first
count as a disappearance of nothing: only what follows them does.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float

from vseg.metrics.curves import ObjectCurve
from vseg.metrics.protocols import Protocol

# Both as in the VOTS toolkit: a frame is tracked if the masks overlap at all, and noticing an
# absence is measured of objects that are absent on more frames than these.
_TRACKED_ABOVE = 0.0
_LEAST_ABSENT = 10


def presence_of(curve: ObjectCurve, protocol: Protocol) -> dict[str, float | None]:
    """The measures of one object that the protocol has beside J and F, over counted frames."""
    j = curve.j[curve.counted]
    true = curve.true_area[curve.counted] > 0
    pred = curve.pred_area[curve.counted] > 0
    if protocol.name == "mose":
        return _mose((j + curve.f[curve.counted]) / 2, true)
    if protocol.name == "vots":
        return _vots(j, true, pred)
    return {}


def _mose(
    jf: Float[np.ndarray, " T"], true: Bool[np.ndarray, " T"]
) -> dict[str, float | None]:
    """disappear: mean J&F over the spans without the object that follow one with it.
    reappear: over the spans with it that follow one without.  Every span weighs the same.
    """
    edges = (np.flatnonzero(true[1:] != true[:-1]) + 1).tolist()
    spans = pairwise([*edges, len(true)])
    means: dict[bool, list[float]] = {False: [], True: []}
    for first, end in spans:
        means[bool(true[first])].append(float(np.mean(jf[first:end])))
    return {"disappear": _mean(means[False]), "reappear": _mean(means[True])}


def _vots(
    j: Float[np.ndarray, " T"], true: Bool[np.ndarray, " T"], pred: Bool[np.ndarray, " T"]
) -> dict[str, float | None]:
    """accuracy: mean overlap where there is one; robustness: share of the frames with the
    object that overlap; nre, dre: shares where it was called absent, and where something else
    was segmented; adq: share of the frames without it that were called absent.
    """
    tracked = true & (j > _TRACKED_ABOVE)
    visible = int(np.count_nonzero(true))
    absent = int(np.count_nonzero(~true))

    def share(frames: Bool[np.ndarray, " T"], of: int) -> float | None:
        return float(np.count_nonzero(frames) / of) if of else None

    return {
        "accuracy": float(np.mean(j[tracked])) if tracked.any() else 0.0,
        "robustness": share(tracked, visible),
        "nre": share(true & ~tracked & ~pred, visible),
        "dre": share(true & ~tracked & pred, visible),
        "adq": share(~true & ~pred, absent) if absent > _LEAST_ABSENT else None,
    }


def mean_presence(several: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """The mean of every measure over those that have it."""
    names = dict.fromkeys(name for one in several for name in one)
    return {
        name: _mean([value for one in several if (value := one.get(name)) is not None])
        for name in names
    }


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
