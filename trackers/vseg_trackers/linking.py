"""Identities over a whole clip: tracklets joined, false alarms dropped, gaps filled, boxes smoothed.

Enters: tracklets and the times of the clip's frames.  Leaves: whole tracks and the changes made.
Tracklets are joined end to start, in rounds of growing gaps, so that what is near and sure is settled
before what is far; each round is one assignment among all ends and starts, which keeps it one to
one.  Only a tracklet that begins after another has ended can continue it, so no track is in two
places at once.  A pair is judged in the smoothed motion of both sides and by their appearance.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from vseg_trackers.assignment import Candidates, assign
from vseg_trackers.errors import TrackerError
from vseg_trackers.kalman import BoxMotion, MotionConfig
from vseg_trackers.smoothing import smooth
from vseg_trackers.tracklets import (
    Change,
    Dropped,
    Filled,
    Joined,
    Linked,
    Tracklet,
    WholeTrack,
)


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """gaps_s: longest gap of each round.

    reach: most standard deviations of the motion between an end and a start.  appearance: how many
    of them 1 of cosine above even_cosine is worth; a pair below least_cosine is not joined.
    least_hits, least_score: a track of fewer detections, or of a lower mean score, is dropped.
    fill_s: longest gap that is filled.  motion: see MotionConfig; smooth ones join and fill better.
    """

    gaps_s: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    reach: float = 0.0
    appearance: float = 4.0
    even_cosine: float = 0.6
    least_cosine: float = 0.2
    least_hits: int = 3
    least_score: float = 0.8
    fill_s: float = 2.0
    motion: MotionConfig = field(default_factory=MotionConfig)


def link(
    tracklets: Sequence[Tracklet],
    times_s: Float[np.ndarray, " F"],
    config: LinkConfig | None = None,
) -> Linked:
    """The whole tracks of a clip whose frames are at `times_s`, under the ids of their first parts.

    Raises TrackerError for an id given twice and a tracklet at a time that is no frame's.
    """
    config = config or LinkConfig()
    _check(tracklets, times_s)
    tracks: list[WholeTrack] = []
    changes: list[Change] = []
    for chain in _chains(tracklets, config):
        hits, score = sum(map(len, chain)), _mean_score(chain)
        first, last = chain[0], chain[-1]
        if hits < config.least_hits or score < config.least_score:
            span_s = float(first.times_s[0]), float(last.times_s[-1])
            changes.append(Dropped(first.track_id, *span_s, hits, score))
            continue
        for before, after in pairwise(chain):
            at_s = float(after.times_s[0])
            gap_s = at_s - float(before.times_s[-1])
            changes.append(Joined(first.track_id, after.track_id, at_s, gap_s))
        track = _whole(chain, times_s, config)
        tracks.append(track)
        changes += _fillings(track)
    return Linked(tuple(tracks), tuple(changes))


def _check(tracklets: Sequence[Tracklet], times_s: Float[np.ndarray, " F"]) -> None:
    if not np.isfinite(times_s).all() or (np.diff(times_s) <= 0).any():
        raise TrackerError("the clip's times do not grow: give the time of each frame, in order")
    ids = [tracklet.track_id for tracklet in tracklets]
    for track_id in ids:
        if ids.count(track_id) > 1:
            raise TrackerError(f"two tracklets have the id {track_id}: give each its own")
    for tracklet in tracklets:
        known = np.isin(tracklet.times_s, times_s)
        if not known.all():
            time_s = tracklet.times_s[int(np.argmin(known))]
            raise TrackerError(
                f"tracklet {tracklet.track_id} is at {time_s:g} s, when the clip has no frame: "
                "give the times of all frames, or the tracklets of this clip"
            )


def _mean_score(chain: list[Tracklet]) -> float:
    return float(np.concatenate([each.scores for each in chain]).mean())


def _chains(tracklets: Sequence[Tracklet], config: LinkConfig) -> list[list[Tracklet]]:
    """The tracklets of each object, in order of time."""
    ordered = sorted(tracklets, key=lambda each: (each.times_s[0], each.track_id))
    ends = _Ends.of(ordered, config.motion)
    after = np.full(len(ordered), -1)
    is_start = np.ones(len(ordered), dtype=bool)
    for gap_s in config.gaps_s:
        pairs = ends.pairs(gap_s, (after < 0), is_start, config)
        chosen = assign(pairs)
        after[chosen.rows] = chosen.columns
        is_start[chosen.columns] = False
    chains = []
    for first in is_start.nonzero()[0].tolist():
        chain, at = [], first
        while at >= 0:
            chain.append(ordered[at])
            at = int(after[at])
        chains.append(chain)
    return chains


@dataclass(frozen=True, slots=True)
class _Ends:
    """How each tracklet begins and ends: times, states of motion (see BoxMotion), class, look."""

    first_s: Float[np.ndarray, " N"]
    last_s: Float[np.ndarray, " N"]
    first: Float[np.ndarray, "5 N 4"]
    last: Float[np.ndarray, "5 N 4"]
    labels: Int[np.ndarray, " N"]
    looks: Float[np.ndarray, "N C"]

    @staticmethod
    def of(tracklets: Sequence[Tracklet], motion: MotionConfig) -> "_Ends":
        """The ends of these tracklets."""
        smoothed = [
            smooth(each.times_s, each.boxes, np.ones(len(each), dtype=bool), motion).planes
            for each in tracklets
        ]
        return _Ends(
            np.array([each.times_s[0] for each in tracklets]),
            np.array([each.times_s[-1] for each in tracklets]),
            np.concatenate([planes[:, :1] for planes in smoothed], axis=1),
            np.concatenate([planes[:, -1:] for planes in smoothed], axis=1),
            np.array([each.label for each in tracklets]),
            np.zeros((len(tracklets), 0)),
        )

    def pairs(
        self,
        gap_s: float,
        ends: Bool[np.ndarray, " N"],
        starts: Bool[np.ndarray, " N"],
        config: LinkConfig,
    ) -> Candidates:
        """Ends (rows) that a start (columns) may continue within `gap_s`."""
        gap = self.first_s[None, :] - self.last_s[:, None]
        may = (gap > 0) & (gap <= gap_s) & ends[:, None] & starts[None, :]
        may &= self.labels[:, None] == self.labels[None, :]
        rows, columns = may.nonzero()
        motion = BoxMotion(config.motion)
        motion.planes = self.last[:, rows]
        motion.predict_each(gap[rows, columns], np.arange(len(rows)))
        return Candidates(
            rows, columns, config.reach - _misfit(motion.planes, self.first[:, columns])
        )


def _misfit(
    carried: Float[np.ndarray, "5 K 4"], start: Float[np.ndarray, "5 K 4"]
) -> Float[np.ndarray, " K"]:
    p, v, pp, pv, vv = start
    q, w, qq, qw, ww = carried
    side = ((p[:, 2] + p[:, 3] + q[:, 2] + q[:, 3]) / 4)[:, None]
    a, b, c = (pp + qq) / side**2, (pv + qw) / side**2, (vv + ww) / side**2
    x, y = (q - p) / side, (w - v) / side
    det = a * c - b * b
    d2 = (c * x * x - 2 * b * x * y + a * y * y) / det
    return np.asarray((d2 / 2 + np.log(a) / 2).sum(axis=1))


def _whole(
    chain: list[Tracklet], times_s: Float[np.ndarray, " F"], config: LinkConfig
) -> WholeTrack:
    """A chain with its gaps filled and its boxes smoothed."""
    first, last = np.searchsorted(times_s, (chain[0].times_s[0], chain[-1].times_s[-1]))
    span_s = times_s[first : last + 1]
    boxes, sources = np.zeros((len(span_s), 4)), np.zeros(len(span_s), dtype=np.int64)
    for tracklet in chain:
        at = np.searchsorted(span_s, tracklet.times_s)
        boxes[at], sources[at] = tracklet.boxes, tracklet.track_id
    smoothed = smooth(span_s, boxes, sources > 0, config.motion)
    seen_s = np.concatenate([each.times_s for each in chain])
    nth = np.searchsorted(seen_s, span_s, side="right") - 1
    gap_s = seen_s[np.minimum(nth + 1, len(seen_s) - 1)] - seen_s[nth]
    stays = (sources > 0) | (gap_s <= config.fill_s)
    return WholeTrack(
        chain[0].track_id,
        chain[0].label,
        span_s[stays],
        smoothed.boxes[stays],
        sources[stays],
        _mean_score(chain),
    )


def _fillings(track: WholeTrack) -> list[Filled]:
    """Each run of interpolated frames."""
    filled = np.concatenate([[False], track.sources == 0, [False]]).astype(np.int8)
    starts, stops = (np.diff(filled) == 1).nonzero()[0], (np.diff(filled) == -1).nonzero()[0]
    return [
        Filled(
            track.track_id,
            float(track.times_s[start]),
            float(track.times_s[stop - 1]),
            stop - start,
        )
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
    ]
