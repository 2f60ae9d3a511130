"""Which detection is of which track, as the file says it.

Enters: the ids of the rows of a file.  Leaves: the tracks of a run's detections, in their
order, under these ids.
"""

from collections.abc import Collection, Mapping

import numpy as np

from vseg.exchange.detection_table import DetectionTable
from vseg.pipelines.track_links import Corners
from vseg.types import Detections, Frame
from vseg_trackers import Track, TrackState


class FileTracks:
    """The tracks of one file.  A track is there from the first row of its id to the last."""

    keeps_ids = True

    def __init__(self, table: DetectionTable) -> None:
        self._table = table
        ids, last_rows = np.unique(table.ids[::-1], return_index=True)
        frames = table.frames[::-1][last_rows]
        self._last_frame: dict[int, int] = dict(
            zip(ids.tolist(), frames.tolist(), strict=True)
        )

    def update(
        self, frame: Frame, detections: Detections, masks_at: Mapping[int, Corners]
    ) -> tuple[Track, ...]:
        """The tracks of a run's detections."""
        ids = self._table.ids_on(frame.index).tolist()
        tracks = []
        for row, track_id in enumerate(ids):
            x1, y1, x2, y2 = detections.boxes[row].tolist()
            tracks.append(
                Track(
                    track_id,
                    TrackState.CONFIRMED,
                    (x1, y1, x2, y2),
                    float(detections.scores[row]),
                    int(detections.labels[row]),
                    row,
                    frame.time_s,
                    frame.time_s,
                )
            )
        return tuple(tracks)

    def returns(self, track_id: int, frame_index: int) -> bool:
        """Whether the id has a row after a frame."""
        return self._last_frame[track_id] > frame_index

    def end(self, track_ids: Collection[int]) -> None:
        """Nothing: the file decides."""

    def snapshot(self) -> bytes:
        """Nothing: all is in the file."""
        return b""

    def restore(self, payload: bytes) -> None:
        """Nothing."""
