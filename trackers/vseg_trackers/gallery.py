"""The past appearance of each identity: a few views of every track.

Enters: embeddings of matched detections.  Leaves: how alike a detection is to a track: the
cosine to its nearest view, so that an object known from the front is still known from behind.
A view that is like one already kept is blended into it, any other takes the place of the
oldest, so memory is bounded and a long steady stretch does not push the rest out.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from vseg_trackers.errors import TrackerError
from vseg_trackers.state import State


@dataclass(frozen=True, slots=True)
class GalleryConfig:
    """views kept of each track; same_view: least cosine to be blended; blend: the newcomer's
    share.
    """

    views: int = 8
    same_view: float = 0.9
    blend: float = 0.1


class Gallery:
    """The views of all tracks, one row each, in the order of the tracker's rows."""

    def __init__(self, config: GalleryConfig) -> None:
        self._config = config
        self._views = np.zeros((0, config.views, 0))
        self._num = np.zeros(0, dtype=np.int64)  # views ever begun, of which the last are kept

    def state_arrays(self) -> State:
        """All views, for a snapshot."""
        return {"views": self._views, "num_views": self._num}

    def load(self, state: State) -> None:
        """Put a snapshot's views in place of these."""
        self._views = state["views"]
        self._num = state["num_views"]

    @property
    def known(self) -> Bool[np.ndarray, " T"]:
        """Which tracks have any view."""
        return np.asarray(self._num > 0)

    def add(self, num: int) -> None:
        """Make room for `num` new tracks, without a view yet."""
        views = self._config.views
        width = self._views.shape[2]
        self._views = np.concatenate([self._views, np.zeros((num, views, width))])
        self._num = np.concatenate([self._num, np.zeros(num, dtype=np.int64)])

    def keep(self, which: Bool[np.ndarray, " T"]) -> None:
        """Forget the tracks that are not marked."""
        self._views = self._views[which]
        self._num = self._num[which]

    def similarity(
        self, rows: Int[np.ndarray, " K"], embeddings: Float[np.ndarray, "K C"]
    ) -> Float[np.ndarray, " K"]:
        """The cosine of an embedding to the nearest view of its track; -1 without a view.

        Raises TrackerError if the embeddings have another width than those before.
        """
        self._check_width(embeddings)
        nearest = self._cosines(rows, directions(embeddings)).max(axis=1, initial=-1.0)
        return np.asarray(nearest)

    def update(
        self, rows: Int[np.ndarray, " K"], embeddings: Float[np.ndarray, "K C"]
    ) -> None:
        """Remember this appearance of tracks `rows`.  Raises TrackerError as `similarity`."""
        if not len(rows):
            return
        self._check_width(embeddings)
        config = self._config
        new = directions(embeddings)
        cosines = self._cosines(rows, new)
        slots = cosines.argmax(axis=1)
        is_same = cosines[np.arange(len(rows)), slots] >= config.same_view
        blended = self._views[rows, slots] * (1 - config.blend) + new * config.blend
        slots = np.where(is_same, slots, self._num[rows] % config.views)
        self._views[rows, slots] = np.where(is_same[:, None], directions(blended), new)
        self._num[rows] += ~is_same

    def _cosines(
        self, rows: Int[np.ndarray, " K"], embeddings: Float[np.ndarray, "K C"]
    ) -> Float[np.ndarray, "K V"]:
        cosines = np.einsum("kvc,kc->kv", self._views[rows], embeddings)
        empty = np.arange(self._config.views) >= self._num[rows, None]
        return np.where(empty, -1.0, cosines)

    def _check_width(self, embeddings: Float[np.ndarray, "N C"]) -> None:
        width = self._views.shape[2]
        if not width:
            shape = (len(self._num), self._config.views, embeddings.shape[1])
            self._views = np.zeros(shape)
        elif embeddings.shape[1] != width:
            raise TrackerError(
                f"embeddings of {embeddings.shape[1]} numbers after some of {width}: "
                "describe all frames by one model, or reset the tracker"
            )


def directions(embeddings: Float[np.ndarray, "N C"]) -> Float[np.ndarray, "N C"]:
    """Each embedding at length 1; one without any length stays 0."""
    wide = embeddings.astype(float)
    length = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
    return np.asarray(wide / np.maximum(length, np.finfo(float).tiny))
