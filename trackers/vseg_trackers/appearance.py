"""How tracks were last detected: mask and gallery; and how similar detections are to that.

Enters: candidate pairs with the overlap of their boxes.  Leaves: their similarity: overlap of
boxes and masks averaged, with a bonus for a similar appearance and a malus for a different
one.  What a side does not know does not count, so boxes alone work like boxes with masks and
embeddings.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from vseg_trackers.assignment import Assignment, Candidates
from vseg_trackers.errors import TrackerError
from vseg_trackers.gallery import Gallery, GalleryConfig
from vseg_trackers.lifecycle import Population
from vseg_trackers.masks import Crop, PackedMasks, mask_overlap
from vseg_trackers.state import State
from vseg_trackers.types import Detections

_EMPTY: Crop = np.zeros((0, 0), dtype=bool)


@dataclass(frozen=True, slots=True)
class SimilarityConfig:
    """mask_share: of the mask IoU where both masks are known, the rest is the boxes'.

    appearance: similarity gained for a cosine of 1 above even_cosine, lost below; a pair
    below least_cosine is refused.
    """

    mask_share: float = 0.5
    appearance: float = 0.4
    even_cosine: float = 0.6
    least_cosine: float = 0.2


class Appearances:
    """The appearances of all tracks, one row each, in the order of the population's rows."""

    def __init__(self, similarity: SimilarityConfig, gallery: GalleryConfig) -> None:
        self._config = similarity
        self.gallery = Gallery(gallery)
        self._frame_size: tuple[int, int] | None = None
        self._crops: list[Crop] = []
        # Of each crop's corner from the centre of its box: what moves the box moves the mask.
        self._offsets = np.zeros((0, 2))

    def state_arrays(self) -> State:
        """All appearances, for a snapshot; the masks as bits, one after another."""
        sizes = [crop.shape for crop in self._crops]
        pixels = [crop.ravel() for crop in self._crops]
        return {
            "crop_sizes": np.array(sizes, dtype=np.int64).reshape(-1, 2),
            "crop_bits": np.packbits(np.concatenate([np.zeros(0, dtype=bool), *pixels])),
            "crop_offsets": self._offsets,
            "frame_size": np.array(self._frame_size or (), dtype=np.int64),
            **self.gallery.state_arrays(),
        }

    def load(self, state: State) -> None:
        """Put a snapshot's appearances in place of these."""
        sizes = state["crop_sizes"].tolist()
        ends = np.cumsum([height * width for height, width in sizes])
        pixels = np.unpackbits(state["crop_bits"]).astype(bool)
        parts = np.split(pixels, ends)[: len(sizes)]
        self._crops = [part.reshape(size) for part, size in zip(parts, sizes, strict=True)]
        self._offsets = state["crop_offsets"]
        width_height = state["frame_size"].tolist()
        self._frame_size = (width_height[0], width_height[1]) if width_height else None
        self.gallery.load(state)

    def check(self, detections: Detections) -> None:
        """Raises TrackerError if masks are of another frame size than those before."""
        masks = detections.masks
        if masks is None:
            return
        size = masks.width, masks.height
        if self._frame_size is None:
            self._frame_size = size
        elif size != self._frame_size:
            raise TrackerError(
                f"masks of a frame of {size[0]} x {size[1]} pixels after "
                f"{self._frame_size[0]} x {self._frame_size[1]}: "
                "give masks of one size, or reset the tracker"
            )

    def similarity(
        self, pairs: Candidates, tracks: Population, detections: Detections
    ) -> Float[np.ndarray, " K"]:
        """How similar detections (columns) are to tracks (rows); the gain is the overlap of
        their boxes.

        -inf for a pair that appearance refuses.
        """
        similarity = pairs.gain
        config = self._config
        if detections.masks is not None:
            similarity = self._with_masks(pairs, tracks, detections.masks)
        if detections.embeddings is not None:
            cosine = self.gallery.similarity(pairs.rows, detections.embeddings[pairs.columns])
            bonus = config.appearance * (cosine - config.even_cosine)
            bonus[cosine < config.least_cosine] = -np.inf
            similarity = similarity + np.where(self.gallery.known[pairs.rows], bonus, 0)
        return similarity

    def _with_masks(
        self, pairs: Candidates, tracks: Population, masks: PackedMasks
    ) -> Float[np.ndarray, " K"]:
        """Overlap of boxes averaged with that of masks, each track's latest put where it is
        now.
        """
        centres = tracks.motion.planes[0, pairs.rows, :2]
        corners = np.rint(centres + self._offsets[pairs.rows]).astype(np.int64)
        theirs = [self._crops[row] for row in pairs.rows.tolist()]
        found = [masks.crops[column] for column in pairs.columns.tolist()]
        iou = mask_overlap((theirs, corners), (found, masks.boxes[pairs.columns, :2]))
        share = self._config.mask_share * np.array(
            [crop.size > 0 for crop in theirs], dtype=bool
        )
        return np.asarray((1 - share) * pairs.gain + share * iou)

    def add(self, num: int) -> None:
        """Make room for `num` new tracks, without a detection yet."""
        if num:
            self.gallery.add(num)
            self._crops += [_EMPTY] * num
            self._offsets = np.concatenate([self._offsets, np.zeros((num, 2))])

    def update(
        self, pairs: Assignment, detections: Detections, learns: Bool[np.ndarray, " N"]
    ) -> None:
        """Remember how tracks were detected in this frame; appearance where a column
        `learns`.
        """
        rows = pairs.rows
        columns = pairs.columns
        if detections.masks is not None:
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
                self._crops[row] = detections.masks.crops[column]
            boxes = detections.boxes[columns]
            centres = (boxes[:, :2] + boxes[:, 2:]) / 2
            self._offsets[rows] = detections.masks.boxes[columns, :2] - centres
        if detections.embeddings is not None:
            taught = learns[columns]
            self.gallery.update(rows[taught], detections.embeddings[columns[taught]])

    def keep(self, which: Bool[np.ndarray, " T"]) -> None:
        """Forget the tracks that are not marked."""
        if np.count_nonzero(which) < len(which):
            self.gallery.keep(which)
            self._crops = [
                crop for crop, stays in zip(self._crops, which, strict=True) if stays
            ]
            self._offsets = self._offsets[which]
