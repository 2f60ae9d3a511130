"""Objects too small for the whole frame, which are tracked in crops of it.

Enters: a frame and its objects.  Leaves: which are small, their rows, and what is kept of
them.  An object has a `CropPlace` while it is small; the rest of the session does not know
where it is decoded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from vseg.config import CropSettings
from vseg.frame_masks import FineMasks
from vseg.session.crops.crop_decoder import CropDecoder
from vseg.session.crops.crop_moves import CropMoves
from vseg.session.crops.crop_pixels import Claim, settled, without_shared
from vseg.session.crops.crop_row import CropRow
from vseg.session.crops.first_place import FirstPlaces
from vseg.session.crops.view import Number, pasted
from vseg.session.identity.identities import Identities
from vseg.session.row_decoder import Neighbours
from vseg.session.tracked_frame import TrackedFrame
from vseg.session.tracked_masks import TrackedMasks
from vseg.session.tracked_object import TrackedObject
from vseg.tensors import PRESENT, Decoded
from vseg.types import MaskCrop

CropRows = Mapping[int, CropRow]
"""By object id."""


@dataclass(frozen=True, slots=True)
class SmallObjects:
    """The stages of small objects, for one model and one session's memory."""

    crops: CropDecoder
    identities: Identities
    settings: CropSettings

    def place(self, on: TrackedFrame, live: Sequence[TrackedObject]) -> None:
        """Decide which objects are small on this frame, by their prompts and what is
        remembered of them; the largest stay in the whole frame where they are too many.
        """
        first = FirstPlaces(self.crops, self.settings.below)
        for tracked in live:
            if on.index in tracked.prompts and self.settings.most:
                tracked.place = first.by_extent(on, tracked)
            elif not self.crops.banks.knows_crop(tracked.object_id):
                tracked.place = None
        small = [o for o in live if o.place is not None]
        small.sort(key=lambda o: (on.index not in o.prompts, -_size(o), o.object_id))
        for tracked in small[: max(0, len(small) - self.settings.most)]:
            tracked.place = None
        for tracked in live:  # a prior of a crop is none in the whole frame
            if tracked.place is None and tracked.prior and tracked.prior.view:
                tracked.prior = None

    def place_clicked(
        self, on: TrackedFrame, live: Sequence[TrackedObject], rows: Mapping[int, Decoded]
    ) -> None:
        """Find the places of small objects that only points say where they are.

        rows: by object id, of those decoded in the whole frame.
        """
        first = FirstPlaces(self.crops, self.settings.below)
        free = self.settings.most - sum(o.place is not None for o in live)
        for tracked in live:
            fresh = tracked.place is None and on.index in tracked.prompts
            i = tracked.object_id
            large = self.crops.banks.knows(i) and not self.crops.banks.knows_crop(i)
            if free > 0 and fresh and not large:
                tracked.place = first.by_scale(on, tracked, rows[i])
                free -= tracked.place is not None

    def priors(self, on: TrackedFrame, live: Sequence[TrackedObject]) -> Neighbours:
        """Where the small ones were last, on the cells of the whole frame."""
        return [
            (
                o.object_id,
                replace(p, logits=pasted(p.logits, p.view, on.hw, on.map_hw), view=None),
            )
            for o in live
            if (p := o.prior) is not None and p.view is not None
        ]

    def decode(self, on: TrackedFrame, live: Sequence[TrackedObject]) -> dict[int, CropRow]:
        """Rows of the small ones."""
        small = [o for o in live if o.place is not None]
        return self.crops.decode(on, small, [o for o in live if o.place is None])

    def pasted(self, on: TrackedFrame, row: CropRow) -> Decoded:
        """A row on the cells of the whole frame."""
        logits = row.view.within(row.logits, on.hw)
        cells = pasted(logits, row.view, on.hw, on.map_hw)
        return replace(row.decoded, logits=cells[None])

    def settled(
        self,
        on: TrackedFrame,
        live: Sequence[TrackedObject],
        crops: CropRows,
        decoded: Decoded,
        resolved: Decoded,
    ) -> tuple[dict[int, CropRow], TrackedMasks]:
        """The rows of crops without what others claim more, and the masks of all objects.

        decoded: of all, in the order of `live`; resolved: the same as identities left them.
        """
        ids = [o.object_id for o in live]
        visible = (resolved.presence > PRESENT).tolist()
        competing = self.identities.competitors(ids)
        competitors = {
            i: [ids[k] for k in competing[row].nonzero()[0] if visible[k]]
            for row, i in enumerate(ids)
        }
        shown = {
            i: replace(
                row, decoded=replace(row.decoded, presence=resolved.presence[k : k + 1])
            )
            for k, i in enumerate(ids)
            if (row := crops.get(i)) is not None
        }
        claims = [
            Claim(i, shown[i].view, shown[i].logits)
            if i in shown
            else Claim(i, on.view, decoded.logits[row])
            for row, i in enumerate(ids)
            if visible[row]
        ]
        after = settled(shown, claims, competitors)
        masks = {i: self._mask(on, row) for i, row in after.items()}
        given = {o.object_id: o.given_mask(on.index) for o in live if o.object_id in masks}
        masks |= {i: MaskCrop.of(mask) for i, mask in given.items() if mask is not None}
        masks = without_shared(masks, competitors)
        return after, TrackedMasks(
            self._merged(on, ids, after, resolved), FineMasks(masks, competitors)
        )

    def keep(
        self,
        on: TrackedFrame,
        live: Sequence[TrackedObject],
        crops: CropRows,
        masks: Mapping[int, MaskCrop],
    ) -> None:
        """Remember the small ones, and give every object the view that its size asks for."""
        if not self.settings.most:
            return
        moves = CropMoves(self.crops, self.settings.most, self.settings.below)
        small = [o for o in live if o.object_id in crops]
        for tracked in small:
            i = tracked.object_id
            moves.keep(on, tracked, crops[i], masks[i])
        moves.move(on, small, [o for o in live if o.object_id not in crops])
        for tracked in live:
            if on.index in tracked.prompts:
                tracked.prompted_places.setdefault(on.index, tracked.place)

    def _mask(self, on: TrackedFrame, row: CropRow) -> MaskCrop:
        return row.view.mask(row.logits, on.hw) if row.visible else MaskCrop.empty()

    def _merged(
        self, on: TrackedFrame, ids: Sequence[int], crops: CropRows, resolved: Decoded
    ) -> Decoded:
        """The resolved rows with those of crops in the place of what was pasted."""
        logits = resolved.logits.clone()
        for row, object_id in enumerate(ids):
            if object_id in crops:
                logits[row] = self.pasted(on, crops[object_id]).logits[0]
        return replace(resolved, logits=logits)


def _size(tracked: TrackedObject) -> Number:
    return 0 if tracked.place is None else tracked.place.size
