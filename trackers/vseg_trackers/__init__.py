"""Identities for detections: one algorithm per file on shared parts, on NumPy and SciPy alone.

Enters: Detections, frame after frame.  Leaves: Tracks, in the order of the detections they
explain.

    tracker = OCSort()
    for detections in stream:
        for track in tracker.update(detections):
            ...
"""

from vseg_trackers.appearance import SimilarityConfig
from vseg_trackers.bytetrack import ByteTrack, ByteTrackConfig
from vseg_trackers.camera import CameraConfig, CameraMotion
from vseg_trackers.clip import ClipConfig, track_clip
from vseg_trackers.errors import TrackerError
from vseg_trackers.extending import ExtendConfig
from vseg_trackers.gallery import GalleryConfig
from vseg_trackers.kalman import MotionConfig
from vseg_trackers.lifecycle import LifecycleConfig
from vseg_trackers.linking import LinkConfig, link
from vseg_trackers.masklet import MaskletAssociator, MaskletConfig
from vseg_trackers.masks import PackedMasks
from vseg_trackers.ocsort import OCSort, OCSortConfig
from vseg_trackers.sort import Sort, SortConfig
from vseg_trackers.tracklets import (
    Change,
    Dropped,
    Extended,
    Filled,
    Joined,
    Linked,
    Tracklet,
    WholeTrack,
    tracklets_of,
)
from vseg_trackers.types import Detections, Track, TrackState

__all__ = [
    "ByteTrack",
    "ByteTrackConfig",
    "CameraConfig",
    "CameraMotion",
    "Change",
    "ClipConfig",
    "Detections",
    "Dropped",
    "ExtendConfig",
    "Extended",
    "Filled",
    "GalleryConfig",
    "Joined",
    "LifecycleConfig",
    "LinkConfig",
    "Linked",
    "MaskletAssociator",
    "MaskletConfig",
    "MotionConfig",
    "OCSort",
    "OCSortConfig",
    "PackedMasks",
    "SimilarityConfig",
    "Sort",
    "SortConfig",
    "Track",
    "TrackState",
    "TrackerError",
    "Tracklet",
    "WholeTrack",
    "link",
    "track_clip",
    "tracklets_of",
]
