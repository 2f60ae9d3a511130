"""Small objects decoded in crops around them.

Enters: a frame and the small objects on it.  Leaves: a row for each, on the cells of its crop.
All crops are encoded in one batch.  An object that is not where it was expected is searched
for in a wider view of the same scale, and in the whole frame: at once when it is lost, then at
a low rate.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from vseg.interfaces.affinity_model import AffinityModel
from vseg.session.crops.crop_place import CROP_SIDE, CropPlace
from vseg.session.crops.crop_row import CropRow
from vseg.session.crops.view import CropView, resampled
from vseg.session.encoded_image import EncodedImage
from vseg.session.memory.object_banks import ObjectBanks
from vseg.session.row_decoder import Neighbours, RowDecoder
from vseg.session.tracked_frame import TrackedFrame
from vseg.session.tracked_object import TrackedObject
from vseg.tensors import PRESENT

# In views how many times as wide as its crop, of the same scale, a small object is searched
# for: on the frame on which it is lost, and later. Round values; not tuned.
_NEAR = (2,)
_FAR = (2, 4)

# Share of a mask that another object has from which it is that object. Not tuned.
_TAKEN = 0.5


@dataclass(frozen=True, slots=True)
class CropDecoder:
    """Decodes small objects with one model from the memory of their crops."""

    model: AffinityModel
    rows: RowDecoder
    banks: ObjectBanks

    def decode(
        self,
        on: TrackedFrame,
        small: Sequence[TrackedObject],
        others: Sequence[TrackedObject],
    ) -> dict[int, CropRow]:
        """Rows by object id.  others: that are tracked in the whole frame."""
        views = [_place(o).view(on.index) for o in small]
        images = self._encoded(on, views)
        rows = {}
        for tracked, view, image in zip(small, views, images, strict=True):
            beside = _neighbours(tracked, [*small, *others], on)
            rows[tracked.object_id] = self._row(tracked, view, image, beside)
        for tracked in small:
            if self._searched(tracked, on, rows[tracked.object_id]):
                found = self._search(tracked, on, rows)
                if found is not None:
                    rows[tracked.object_id] = found
        return rows

    def encode(self, on: TrackedFrame, view: CropView, wider: int = 1) -> EncodedImage:
        """What a view shows.  wider: it is so many times as wide as a crop of its scale."""
        return self._encoded(on, [view], wider)[0]

    def _encoded(
        self, on: TrackedFrame, views: Sequence[CropView], wider: int = 1
    ) -> list[EncodedImage]:
        frames = [view.frame(on.frame) for view in views]
        if not frames:
            return []
        features = self.model.encode_crops(frames, wider * CROP_SIDE)
        return [
            EncodedImage(f, encoded, crop=True)
            for f, encoded in zip(frames, features, strict=True)
        ]

    def _row(
        self,
        tracked: TrackedObject,
        view: CropView,
        image: EncodedImage,
        beside: Neighbours = (),
    ) -> CropRow:
        """The object in one crop, prompts shifted into it; neighbours: on the cells of its
        prior.
        """
        t = image.frame.index
        prompts = tracked.prompts.get(t, ())
        prior = tracked.prior
        if prior is None or prior.view is None or prior.view.width != view.width:
            prior = None  # of another scale: nothing that can be matched
        shown = replace(
            tracked, prompts={t: view.prompts(prompts)} if prompts else {}, prior=prior
        )
        bank = self.banks.of_crop(tracked.object_id)
        decoded = self.rows.decode(image, [shown], bank, beside if prior else ())
        return CropRow(view, image.features, decoded)

    def _searched(self, tracked: TrackedObject, on: TrackedFrame, row: CropRow) -> bool:
        """Whether the object is to be searched for elsewhere on this frame."""
        if row.visible or on.index in tracked.prompts:
            return False
        # By turns: of many that are lost, not all on the same frame.
        turn = (on.index + tracked.object_id) % self.rows.stride == 0
        return not _place(tracked).absent or turn

    def _search(
        self, tracked: TrackedObject, on: TrackedFrame, rows: Mapping[int, CropRow]
    ) -> CropRow | None:
        """The object in a crop where a wider view shows it, None where none does."""
        bare = replace(tracked, prompts={}, prior=None)
        for view, logits in self._wider(bare, on):
            mask = view.mask(logits, on.hw)
            if mask.area:
                x1, y1, x2, y2 = mask.xyxy
                near = CropView.around((x1 + x2) / 2, (y1 + y2) / 2, _place(bare).side)
                found = self._row(bare, near, self.encode(on, near))
                if found.visible and not _taken(found, rows):
                    return found
        return None

    def _wider(
        self, bare: TrackedObject, on: TrackedFrame
    ) -> Iterator[tuple[CropView, Float[Tensor, "_ _"]]]:
        """Views that show the object somewhere, nearest first, and its logits there."""
        place = _place(bare)
        for wider in _FAR if place.absent else _NEAR:
            view = place.view(on.index, wider)
            row = self._row(bare, view, self.encode(on, view, wider))
            if row.visible:
                yield view, row.logits
        if place.absent and self.banks.knows(bare.object_id):
            decoded = self.rows.decode(on.encoded(), [bare], self.banks)
            if decoded.presence[0] > PRESENT:
                yield on.view, decoded.logits[0]


def _taken(found: CropRow, rows: Mapping[int, CropRow]) -> bool:
    """Whether most of the mask is that of another small object."""
    mine = found.logits > 0
    for row in rows.values():
        if row.visible and row.view.overlaps(found.view):
            shape = (mine.shape[0], mine.shape[1])
            other = resampled(row.logits, row.view, found.view, shape) > 0
            if int((mine & other).sum()) > _TAKEN * int(mine.sum()):
                return True
    return False


def _neighbours(
    tracked: TrackedObject, others: Sequence[TrackedObject], on: TrackedFrame
) -> Neighbours:
    """Where other objects were on the frame of an object's prior, on its cells."""
    prior = tracked.prior
    if prior is None or prior.view is None:
        return ()
    shape = (prior.logits.shape[0], prior.logits.shape[1])
    beside = []
    for other in others:
        was = other.prior
        if other is tracked or was is None or was.frame_index != prior.frame_index:
            continue
        view = was.view or on.view
        if view.overlaps(prior.view):
            logits = resampled(was.logits, view, prior.view, shape)
            beside.append((other.object_id, replace(prior, logits=logits)))
    return beside


def _place(tracked: TrackedObject) -> CropPlace:
    assert tracked.place is not None, "only small objects are tracked in crops"
    return tracked.place
