"""Identities for detections: one algorithm per file on shared parts, on NumPy and SciPy alone.

Enters: Detections, frame after frame.  Leaves: Tracks, in the order of the detections they explain.

    tracker = OCSort()
    for detections in stream:
        for track in tracker.update(detections):
            ...
"""

from vseg_trackers.bytetrack import ByteTrack, ByteTrackConfig
from vseg_trackers.kalman import MotionConfig
from vseg_trackers.lifecycle import LifecycleConfig
from vseg_trackers.ocsort import OCSort, OCSortConfig
from vseg_trackers.sort import Sort, SortConfig
from vseg_trackers.types import Detections, Track, TrackerError, TrackState

__all__ = [
    "ByteTrack",
    "ByteTrackConfig",
    "Detections",
    "LifecycleConfig",
    "MotionConfig",
    "OCSort",
    "OCSortConfig",
    "Sort",
    "SortConfig",
    "Track",
    "TrackState",
    "TrackerError",
]
