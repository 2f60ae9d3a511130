"""A whole clip's detections tracked with the future known.

Enters: the detections of all frames.  Leaves: whole tracks, and what was decided beyond an
online pass.  Four steps: MaskletAssociator online; tracklets that are faint on the whole are
dropped; the others are extended back to before they were sure; and linked (`linking.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vseg_trackers.extending import ExtendConfig, extended
from vseg_trackers.linking import LinkConfig, link
from vseg_trackers.masklet import MaskletAssociator, MaskletConfig
from vseg_trackers.tracklets import Change, Dropped, Extended, Linked, Tracklet, tracklets_of
from vseg_trackers.types import Detections


@dataclass(frozen=True, slots=True)
class ClipConfig:
    """least_hits, least_score: a tracklet of fewer detections, or a lower mean score, is
    dropped.

    A mean over a track tells a false alarm from an object more surely than any of its frames.
    """

    least_hits: int = 6
    least_score: float = 0.9
    online: MaskletConfig = field(default_factory=MaskletConfig)
    extend: ExtendConfig = field(default_factory=ExtendConfig)
    link: LinkConfig = field(default_factory=LinkConfig)


def track_clip(frames: Sequence[Detections], config: ClipConfig | None = None) -> Linked:
    """The whole tracks of a clip, its frames in order of time, and the changes that made them.

    Raises TrackerError as MaskletAssociator does.
    """
    config = config or ClipConfig()
    tracker = MaskletAssociator(config.online)
    updates = [
        (detections, tracker.update(detections, tentative=True)) for detections in frames
    ]
    kept, changes = _believed(tracklets_of(updates), config)
    ids = {tracklet.track_id for tracklet in kept}
    free = [np.ones(len(detections), dtype=bool) for detections in frames]
    for is_free, (_, tracks) in zip(free, updates, strict=True):
        for track in tracks:
            if track.track_id in ids and track.row is not None:
                is_free[track.row] = False
    longer = extended(kept, frames, free, config.extend)
    changes += [
        Extended(after.track_id, float(after.times_s[0]), len(after) - len(before))
        for before, after in zip(kept, longer, strict=True)
        if len(after) > len(before)
    ]
    times_s = np.array([detections.time_s for detections in frames], dtype=float)
    linked = link(longer, times_s, config.link)
    return Linked(linked.tracks, (*changes, *linked.changes))


def _believed(
    tracklets: Sequence[Tracklet], config: ClipConfig
) -> tuple[list[Tracklet], list[Change]]:
    kept: list[Tracklet] = []
    changes: list[Change] = []
    for tracklet in tracklets:
        score = float(tracklet.scores.mean())
        if len(tracklet) >= config.least_hits and score >= config.least_score:
            kept.append(tracklet)
        else:
            span_s = float(tracklet.times_s[0]), float(tracklet.times_s[-1])
            changes.append(Dropped(tracklet.track_id, *span_s, len(tracklet), score))
    return kept, changes
