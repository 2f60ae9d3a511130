"""Time stamps that do not ascend made into ones that do, in the order of the decoder.

In: the stamps of the images in the order in which the decoder shows them; some may be missing,
repeated, in disorder or start again where recordings were joined.  Out: as many ascending
stamps.  A stamp that needs no repair is kept; what is repaired lies between its neighbours.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int64

from vseg.video.packet_order import MAX_REORDER

# A repaired stamp may lie between two ticks: all are then counted in ticks this much finer.
FINER = 1000
# A step back over more images than a decoder reorders is no disorder, but another recording.
_JOIN_STEPS = MAX_REORDER + 1


def ascending(
    stamps: Sequence[int | None], step: float
) -> tuple[Int64[np.ndarray, " T"], int]:
    """The repaired stamps, and how much finer their ticks are than those of `stamps`: 1 or
    FINER.

    step: ticks from one image to the next where the stamps do not say.  At least one stamp
    must be known.
    """
    known = np.array([stamp is not None for stamp in stamps], dtype=bool)
    values = np.array([stamp or 0 for stamp in stamps], dtype=np.int64)
    times = values.astype(np.float64)
    if not known.all() or not (np.diff(values) > 0).all():
        # 2 ** 53 ticks are exact in float64: 3000 years at 90 kHz.
        step = _usual_step(times[known], step)
        known[np.flatnonzero(known)[_strays(times[known], step)]] = False
        times[known] = np.sort(_joined(times[known], step))
        times = _filled(times, known, step)
        times = _spread(times, step)
    if (times == np.round(times)).all() and (np.diff(times) > 0).all():
        return times.astype(np.int64), 1
    finer = np.round(times * FINER).astype(np.int64)
    # More images than ticks between two stamps, or two groups spread into one gap: push the
    # rest on.
    ramp = np.arange(len(finer))
    return np.maximum.accumulate(finer - ramp) + ramp, FINER


def _usual_step(times: Float[np.ndarray, " N"], step: float) -> float:
    steps = np.diff(times)
    steps = steps[steps > 0]
    return float(np.median(steps)) if len(steps) else step


def _strays(times: Float[np.ndarray, " N"], step: float) -> Bool[np.ndarray, " N"]:
    """Single stamps far from both neighbours, which themselves follow each other."""
    stray = np.zeros(len(times), dtype=bool)
    if len(times) < 3:
        return stray
    before = times[:-2]
    at = times[1:-1]
    after = times[2:]
    near = _JOIN_STEPS * step
    follow = (after >= before) & (after - before <= near)
    stray[1:-1] = follow & ((at < before - near) | (at > after + near))
    return stray


def _joined(times: Float[np.ndarray, " N"], step: float) -> Float[np.ndarray, " N"]:
    """The stamps of joined recordings, each moved behind the one before it."""
    moved = times.copy()
    latest = moved[0]
    shift = 0.0
    for place, time in enumerate(times):
        if time + shift < latest - _JOIN_STEPS * step:
            shift = latest + step - time
        moved[place] = time + shift
        latest = max(latest, moved[place])
    return moved


def _filled(
    times: Float[np.ndarray, " T"], known: Bool[np.ndarray, " T"], step: float
) -> Float[np.ndarray, " T"]:
    """Missing stamps evenly between their neighbours, at the ends at the usual step."""
    places = np.arange(len(times))
    here = places[known]
    filled = np.asarray(np.interp(places, here, times[known]))
    head = places < here[0]
    tail = places > here[-1]
    filled[head] = times[here[0]] - (here[0] - places[head]) * step
    filled[tail] = times[here[-1]] + (places[tail] - here[-1]) * step
    return filled


def _spread(times: Float[np.ndarray, " T"], step: float) -> Float[np.ndarray, " T"]:
    """Repeated stamps moved into the wider of the two gaps beside them; one of each stays."""
    values, first, counts = np.unique(times, return_index=True, return_counts=True)
    spread = times.copy()
    for group in np.flatnonzero(counts > 1):
        count = counts[group]
        places = first[group] + np.arange(count)
        last = group + 1 == len(values)
        after = count * step if last else values[group + 1] - values[group]
        before = values[group] - values[group - 1] if group else 0.0
        # A gap after them that holds all is theirs, however long the pause before them.
        if before > 1.5 * after and after < (count - 0.5) * step:
            spread[places] = values[group] - before * np.arange(count)[::-1] / count
        else:
            spread[places] = values[group] + after * np.arange(count) / count
    return spread
