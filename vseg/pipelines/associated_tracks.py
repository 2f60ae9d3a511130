"""Which detection is of which track, by association over time.

Enters: the detections of every run of the detector, and where the masks are by then.  Leaves:
the tracks of a run's detections, in their order.
"""

import math
from collections.abc import Collection, Mapping

import vseg_trackers
from vseg.errors import BadVideo
from vseg.pipelines.track_links import Corners, packed
from vseg.types import Detections, Frame
from vseg_trackers import (
    LifecycleConfig,
    MaskletAssociator,
    MaskletConfig,
    Track,
    TrackerError,
)


def confirming_runs(confirm_hits: int, stride: float) -> int:
    """Detections that confirm an object, of a detector that runs every `stride` frames: as
    many as `confirm_hits` frames hold, and, as false alarms come alone, at least 2 where more
    than one is asked for.
    """
    return min(confirm_hits, max(2, math.ceil(confirm_hits / stride)))


class AssociatedTracks:
    """The tracks of one video.  strong_score: weaker detections begin none.

    confirm_hits: detections that confirm a track; lost_misses: runs of the detector that it
    may be missed in.
    """

    keeps_ids = False

    def __init__(self, strong_score: float, confirm_hits: int, lost_misses: int) -> None:
        life = LifecycleConfig(confirm_hits=confirm_hits, lost_misses=lost_misses)
        self._tracker = MaskletAssociator(MaskletConfig(strong_score=strong_score, life=life))

    def update(
        self, frame: Frame, detections: Detections, masks_at: Mapping[int, Corners]
    ) -> tuple[Track, ...]:
        """The tracks of a run's detections, those that are not confirmed yet, too.

        masks_at: boxes of objects' masks, by track, where they tell more than motion does.
        Raises BadVideo if the frame's time does not come after the one before.
        """
        masks = packed(detections, frame.hw)
        try:
            return self._tracker.update(
                vseg_trackers.Detections(
                    frame.time_s,
                    detections.boxes,
                    detections.scores,
                    detections.labels,
                    masks,
                ),
                masks_at,
                tentative=True,
            )
        except TrackerError as error:
            raise BadVideo(f"its frames cannot be associated: {error}") from error

    def returns(self, track_id: int, frame_index: int) -> bool:
        """Whether a track is known to be detected after a frame: the future is not known."""
        return False

    def end(self, track_ids: Collection[int]) -> None:
        """End these tracks: their objects are gone, or have others."""
        self._tracker.end(track_ids)

    def snapshot(self) -> bytes:
        """The whole state."""
        return self._tracker.snapshot()

    def restore(self, payload: bytes) -> None:
        """Replace the state by a snapshot's."""
        self._tracker.restore(payload)
