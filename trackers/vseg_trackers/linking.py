"""Identities over a whole clip: tracklets joined, gaps filled, boxes smoothed.

Enters: tracklets and the times of the clip's frames.  Leaves: whole tracks and the changes
made.  Tracklets are joined end to start, in rounds of growing gaps, so that what is near and
sure is settled before what is far; each round is one assignment among all ends and starts,
which keeps it one to one.  Only a tracklet that begins after another has ended can continue
it, so no track is in two places at once.  A pair is judged by the smoothed motion of both
sides and by appearance.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float

from vseg_trackers.assignment import Candidates, assign
from vseg_trackers.ends import Ends
from vseg_trackers.errors import TrackerError
from vseg_trackers.kalman import BoxMotion, MotionConfig
from vseg_trackers.smoothing import smooth
from vseg_trackers.tracklets import Change, Filled, Joined, Linked, Tracklet, WholeTrack


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """gaps_s: longest gap of each round of joining.  fill_s: longest gap that is filled.

    reach: how much less likely than chance, in nats, motion may make a join: 0 asks that the
    start be denser under the end's motion than one object in each box's area.  appearance:
    nats for a cosine of 1 above even_cosine, lost below it; a pair below least_cosine is not
    joined.  other_class: nats lost where the classes differ, so that only a start that motion
    expects is joined: a continuation over a few frames gains some ten.
    """

    gaps_s: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    fill_s: float = 0.5
    reach: float = 3.0
    appearance: float = 10.0
    even_cosine: float = 0.6
    least_cosine: float = 0.2
    other_class: float = 5.0
    motion: MotionConfig = field(default_factory=lambda: MotionConfig(size_jolt=1.0))


def link(
    tracklets: Sequence[Tracklet],
    times_s: Float[np.ndarray, " F"],
    config: LinkConfig | None = None,
) -> Linked:
    """The whole tracks of a clip whose frames are at `times_s`, under the ids of their first
    parts.

    Raises TrackerError for an id that stands twice, for times that do not grow, and for a
    tracklet at a time that is no frame's.
    """
    config = config or LinkConfig()
    _check(tracklets, times_s)
    tracks: list[WholeTrack] = []
    changes: list[Change] = []
    for chain in _chains(tracklets, config):
        for before, after in pairwise(chain):
            at_s = float(after.times_s[0])
            gap_s = at_s - float(before.times_s[-1])
            changes.append(Joined(chain[0].track_id, after.track_id, at_s, gap_s))
        track = _whole(chain, times_s, config)
        tracks.append(track)
        changes += _fillings(track)
    return Linked(tuple(sorted(tracks, key=lambda track: track.track_id)), tuple(changes))


def _check(tracklets: Sequence[Tracklet], times_s: Float[np.ndarray, " F"]) -> None:
    if not np.isfinite(times_s).all() or (np.diff(times_s) <= 0).any():
        raise TrackerError(
            "the clip's times do not grow: give the time of each frame, in order"
        )
    ids: set[int] = set()
    for tracklet in tracklets:
        if tracklet.track_id in ids:
            raise TrackerError(
                f"two tracklets have the id {tracklet.track_id}: give each its own"
            )
        ids.add(tracklet.track_id)
        known = np.isin(tracklet.times_s, times_s)
        if not known.all():
            time_s = tracklet.times_s[int(np.argmin(known))]
            raise TrackerError(
                f"tracklet {tracklet.track_id} is at {time_s:g} s, when the clip has no "
                "frame: give the times of all frames, or the tracklets of this clip"
            )


def _chains(tracklets: Sequence[Tracklet], config: LinkConfig) -> list[list[Tracklet]]:
    """The tracklets of each object, in order of time."""
    ordered = sorted(tracklets, key=lambda tracklet: (tracklet.times_s[0], tracklet.track_id))
    ends = Ends.of(ordered, config.motion)
    after = np.full(len(ordered), -1)
    is_start = np.ones(len(ordered), dtype=bool)
    # A later round has only the ends and starts that the earlier ones left.
    for gap_s in config.gaps_s:
        chosen = assign(_pairs(ends, gap_s, (after < 0)[:, None] & is_start, config))
        after[chosen.rows] = chosen.columns
        is_start[chosen.columns] = False
    chains = []
    for first in is_start.nonzero()[0].tolist():
        chain = []
        at = first
        while at >= 0:
            chain.append(ordered[at])
            at = int(after[at])
        chains.append(chain)
    return chains


def _pairs(
    ends: Ends, gap_s: float, may: Bool[np.ndarray, "N N"], config: LinkConfig
) -> Candidates:
    """Ends (rows) that a start (columns) may continue within `gap_s`; gain in nats."""
    gap = ends.first_s[None, :] - ends.last_s[:, None]
    may = may & (gap > 0) & (gap <= gap_s)
    rows, columns = may.nonzero()
    motion = BoxMotion(config.motion)
    motion.planes = ends.last[:, rows]
    motion.predict_each(gap[rows, columns], np.arange(len(rows)))
    gain = config.reach + _evidence(motion.planes, ends.first[:, columns])
    gain[ends.labels[rows] != ends.labels[columns]] -= config.other_class
    cosine = ends.cosine(rows, columns)
    # Without an embedding on both sides, motion alone decides.
    known = ~np.isnan(cosine)
    gain[known] += config.appearance * (cosine[known] - config.even_cosine)
    gain[known & (cosine < config.least_cosine)] = -np.inf
    return Candidates(rows, columns, gain)


def _evidence(
    carried: Float[np.ndarray, "5 K 4"], start: Float[np.ndarray, "5 K 4"]
) -> Float[np.ndarray, " K"]:
    """How much likelier each start is as a continuation than by chance, in nats.

    Both are Gaussian states; their difference is judged by position and speed together, in
    units of the box's side.  The wider the spread of the position, the less a hit says.
    """
    p, v, *spread = start
    q, w, *other = carried
    # At least a pixel, so that a box without area does not divide by 0.
    side = ((p[:, 2:3] + p[:, 3:] + q[:, 2:3] + q[:, 3:]) / 4).clip(1.0)
    pp, pv, vv = ((a + b) / side**2 for a, b in zip(spread, other, strict=True))
    x = (q - p) / side
    y = (w - v) / side
    # Squared Mahalanobis distance; the 2 x 2 covariance is inverted in closed form.
    distance = (vv * x * x - 2 * pv * x * y + pp * y * y) / (pp * vv - pv * pv)
    return np.asarray(-(distance + np.log(pp)).sum(axis=1) / 2)


def _whole(
    chain: list[Tracklet], times_s: Float[np.ndarray, " F"], config: LinkConfig
) -> WholeTrack:
    """A chain with its gaps filled and its boxes smoothed."""
    first, last = np.searchsorted(times_s, (chain[0].times_s[0], chain[-1].times_s[-1]))
    span_s = times_s[first : last + 1]
    boxes = np.zeros((len(span_s), 4))
    sources = np.zeros(len(span_s), dtype=np.int64)
    for tracklet in chain:
        at = np.searchsorted(span_s, tracklet.times_s)
        boxes[at] = tracklet.boxes
        sources[at] = tracklet.track_id
    smoothed = smooth(span_s, boxes, sources > 0, config.motion)
    observed_s = np.concatenate([tracklet.times_s for tracklet in chain])
    nth = np.searchsorted(observed_s, span_s, side="right") - 1
    gap_s = observed_s[np.minimum(nth + 1, len(observed_s) - 1)] - observed_s[nth]
    stays = (sources > 0) | (gap_s <= config.fill_s)
    return WholeTrack(
        chain[0].track_id,
        _label(chain),
        span_s[stays],
        smoothed.boxes[stays],
        sources[stays],
        float(np.concatenate([tracklet.scores for tracklet in chain]).mean()),
    )


def _label(chain: list[Tracklet]) -> int:
    """The class of most of a chain's detections, the first one of several."""
    counts: dict[int, int] = {}
    for tracklet in chain:
        counts[tracklet.label] = counts.get(tracklet.label, 0) + len(tracklet)
    return max(counts, key=lambda label: counts[label])


def _fillings(track: WholeTrack) -> list[Filled]:
    """Each run of interpolated frames."""
    filled = np.concatenate([[False], track.sources == 0, [False]]).astype(np.int8)
    starts = (np.diff(filled) == 1).nonzero()[0]
    stops = (np.diff(filled) == -1).nonzero()[0]
    return [
        Filled(
            track.track_id,
            float(track.times_s[start]),
            float(track.times_s[stop - 1]),
            stop - start,
        )
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
    ]
