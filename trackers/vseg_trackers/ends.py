"""How tracklets begin and end: the smoothed motion there, their class and their appearance.

Enters: tracklets.  Leaves: Ends, one row each, from which linking goes forward and extending
back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from vseg_trackers.errors import TrackerError
from vseg_trackers.gallery import directions
from vseg_trackers.kalman import MotionConfig
from vseg_trackers.smoothing import smooth
from vseg_trackers.tracklets import Tracklet


@dataclass(frozen=True, slots=True)
class Ends:
    """first, last: states of motion there, as BoxMotion's planes, smoothed over the whole
    tracklet.

    appearance: the mean direction of each tracklet's embeddings, 0 where it has none.
    """

    first_s: Float[np.ndarray, " N"]
    last_s: Float[np.ndarray, " N"]
    first: Float[np.ndarray, "5 N 4"]
    last: Float[np.ndarray, "5 N 4"]
    labels: Int[np.ndarray, " N"]
    appearance: Float[np.ndarray, "N C"]

    @staticmethod
    def of(tracklets: Sequence[Tracklet], motion: MotionConfig) -> "Ends":
        """The ends of these tracklets.  Raises TrackerError if their embeddings' widths
        differ.
        """
        num = len(tracklets)
        first = np.zeros((5, num, 4))
        last = np.zeros((5, num, 4))
        for row, tracklet in enumerate(tracklets):
            detected = np.ones(len(tracklet), dtype=bool)
            planes = smooth(tracklet.times_s, tracklet.boxes, detected, motion).planes
            first[:, row] = planes[:, 0]
            last[:, row] = planes[:, -1]
        return Ends(
            np.array([tracklet.times_s[0] for tracklet in tracklets], dtype=float),
            np.array([tracklet.times_s[-1] for tracklet in tracklets], dtype=float),
            first,
            last,
            np.array([tracklet.label for tracklet in tracklets], dtype=np.int64),
            _appearances(tracklets),
        )

    def cosine(
        self, rows: Int[np.ndarray, " K"], columns: Int[np.ndarray, " K"]
    ) -> Float[np.ndarray, " K"]:
        """Cosine of the appearances of each pair; NaN where one has no embedding."""
        cosine = (self.appearance[rows] * self.appearance[columns]).sum(axis=1)
        known = np.abs(self.appearance).sum(axis=1) > 0
        return np.where(known[rows] & known[columns], cosine, np.nan)


def _appearances(tracklets: Sequence[Tracklet]) -> Float[np.ndarray, "N C"]:
    widths = {
        tracklet.embeddings.shape[1]
        for tracklet in tracklets
        if tracklet.embeddings is not None
    }
    if len(widths) > 1:
        raise TrackerError(
            f"embeddings of {' and '.join(map(str, sorted(widths)))} numbers: "
            "describe all tracklets by one model"
        )
    appearance = np.zeros((len(tracklets), max(widths, default=0)))
    for row, tracklet in enumerate(tracklets):
        if tracklet.embeddings is not None:
            appearance[row] = directions(tracklet.embeddings).mean(axis=0)
    return directions(appearance)
