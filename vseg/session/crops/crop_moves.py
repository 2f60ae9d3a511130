"""What becomes of small objects after a frame: remembered, followed, moved to another view.

Enters: the rows of a frame as they were settled.  Leaves: priors, memory and places for the
next.  An object may get another view: a crop of another scale, or the whole frame for a crop
and the reverse.  It is then remembered in the new view with its mask of this frame, as if it
had been tracked there all along.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor

from vseg.ops.masks import mask_box
from vseg.session.crops.crop_decoder import CropDecoder
from vseg.session.crops.crop_place import CropPlace, ObjectExtent
from vseg.session.crops.crop_row import CropRow
from vseg.session.crops.view import CropView, pasted, resampled
from vseg.session.memory.affinity_bank import AffinityBank
from vseg.session.memory.memory_entry import memory_entry
from vseg.session.tracked_frame import TrackedFrame
from vseg.session.tracked_object import Prior, TrackedObject
from vseg.tensors import Features
from vseg.types import MaskCrop

# An object leaves its crop when it is so many times as large as one that gets a crop. Not
# tuned.
_LEAVE = 1.5

# Frames in a row on which an object that is tracked in the whole frame must be small: one that
# is being hidden gets smaller too. Not tuned.
_SMALL_FRAMES = 5

Cells = Float[Tensor, "h4 w4"]


@dataclass(frozen=True, slots=True)
class CropMoves:
    """Writes the memory of small objects, and moves objects between views.

    most: crops at once.  below: see `FirstPlaces`.
    """

    crops: CropDecoder
    most: int
    below: int

    def keep(
        self, on: TrackedFrame, tracked: TrackedObject, row: CropRow, mask: MaskCrop
    ) -> None:
        """After a frame on which the object was decoded in a crop.  mask: empty where it is
        not visible.
        """
        place = tracked.place
        assert place is not None, "only small objects are tracked in crops"
        prompted = on.index in tracked.prompts
        if mask.area:
            tracked.place = place.seen(on.index, ObjectExtent.of(mask))
            tracked.prior = Prior(on.index, row.logits, row.features.local_key, row.view)
        else:
            tracked.place = place.unseen()
            tracked.prior = None
        bank = self.crops.banks.of_crop(tracked.object_id)
        due = mask.area > 0 and row.reliable and bank.due(tracked.object_id, on.index)
        if not (due or prompted):
            return
        self._remember(bank, row.features, tracked, row.logits)
        if prompted:
            # The whole frame shows it too, if ever so small: where it is lost, and grows.
            cells = pasted(row.logits, row.view, on.hw, on.map_hw)
            self._remember(self.crops.banks, on.features(), tracked, cells)

    def move(
        self, on: TrackedFrame, small: Sequence[TrackedObject], whole: Sequence[TrackedObject]
    ) -> None:
        """Give objects that were visible on this frame the view that their size asks for."""
        for tracked in small:
            place = tracked.place
            if place is None or tracked.prior is None:
                continue
            if place.size * on.scale > _LEAVE * self.below:
                self._to_whole(on, tracked, tracked.prior)
            elif not place.fits:
                self._to_crop(on, tracked, tracked.prior, place.rescaled())
        free = self.most - sum(o.place is not None for o in small)
        for tracked in whole:
            before = tracked.small_frames
            extent = _extent(tracked.prior, on)
            small_now = extent is not None and extent.size * on.scale < self.below
            tracked.small_frames = before + 1 if small_now else 0
            if tracked.small_frames > _SMALL_FRAMES and free > 0 and tracked.prior and extent:
                free -= 1
                tracked.small_frames = 0
                self._to_crop(on, tracked, tracked.prior, CropPlace.of(on.index, extent))

    def _to_whole(self, on: TrackedFrame, tracked: TrackedObject, prior: Prior) -> None:
        assert prior.view is not None, "the prior of a small object is of its crop"
        cells = resampled(prior.logits, prior.view, on.view, on.map_hw)
        tracked.place = None
        tracked.prior = Prior(on.index, cells, on.features().local_key)
        self._remember(self.crops.banks, on.features(), tracked, cells)

    def _to_crop(
        self, on: TrackedFrame, tracked: TrackedObject, prior: Prior, place: CropPlace
    ) -> None:
        view = CropView.around(place.x, place.y, place.side)
        features = self.crops.encode(on, view).features
        cells = resampled(prior.logits, prior.view or on.view, view, features.map_hw)
        tracked.place = place
        tracked.prior = Prior(on.index, cells, features.local_key, view)
        bank = self.crops.banks.of_crop(tracked.object_id)
        self._remember(bank, features, tracked, cells)

    def _remember(
        self, bank: AffinityBank, features: Features, tracked: TrackedObject, cells: Cells
    ) -> None:
        values = self.crops.model.encode_memory(features, cells[None])
        entry = memory_entry(features, [tracked.object_id], values, cells[None])
        if entry.frame_index in tracked.prompts:
            bank.write_prompted(entry)
        else:
            bank.write_recent(entry)


def _extent(prior: Prior | None, on: TrackedFrame) -> ObjectExtent | None:
    """What a mask of the whole frame takes of it, in whole cells; None without a mask on this
    frame.
    """
    if prior is None or prior.frame_index != on.index:
        return None
    mask = (prior.logits > 0).cpu().numpy()
    left, top, right, bottom = mask_box(mask)
    if left == right:
        return None
    y = on.hw[0] / mask.shape[0]
    x = on.hw[1] / mask.shape[1]
    box = left * x, top * y, right * x, bottom * y
    return ObjectExtent(box, round(np.count_nonzero(mask) * x * y))
