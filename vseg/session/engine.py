"""One step of tracking: a frame in, masks of all live objects out, memory written.

The engine is the order of the stages.  It keeps nothing: objects and bank belong to the
session.  Objects are decoded in the whole frame, all in one batch, and small ones in crops
around them (`vseg.session.crops`).
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from functools import cache

import torch

from vseg.interfaces.affinity_model import AffinityModel
from vseg.interfaces.grounder import FrameFeatures
from vseg.ops.denormals import denormals_flushed
from vseg.session.crops.small_objects import SmallObjects
from vseg.session.fine_masks import with_fine_masks
from vseg.session.identity.identities import Identities
from vseg.session.identity.identity_input import IdentityInput, Resolved
from vseg.session.memory.memory_entry import memory_entry
from vseg.session.memory.object_banks import ObjectBanks
from vseg.session.row_decoder import RowDecoder
from vseg.session.tracked_frame import TrackedFrame
from vseg.session.tracked_masks import TrackedMasks
from vseg.session.tracked_object import Prior, TrackedObject
from vseg.tensors import PRESENT, Decoded, MemoryEntry
from vseg.types import Frame


@dataclass(frozen=True, slots=True)
class Engine:
    """The stages in order, for one model, one session's memory bank and its identities."""

    model: AffinityModel
    bank: ObjectBanks
    identities: Identities
    rows: RowDecoder
    small: SmallObjects

    @denormals_flushed()
    @torch.inference_mode()
    def track(
        self,
        frame: Frame,
        features: FrameFeatures,
        live: Sequence[TrackedObject],
        *,
        remember: bool = True,
    ) -> TrackedMasks:
        """Decode the live objects, those prompted here with their prompts; remember what is
        due.

        remember: without it only prompted objects are; what is due stays due.
        """
        on = TrackedFrame(frame, cache(features), self.model.map_hw(frame.hw))
        if self.identities.detect_cut(frame):
            for tracked in live:  # its place in another shot is no prior
                tracked.prior = None
        for tracked in live:  # a prompted frame is decoded without what it wrote before
            if on.index in tracked.prompts:
                self.bank.drop(tracked.object_id, on.index)
        self.small.place(on, live)
        whole = [o for o in live if o.place is None]
        rows = self._whole_rows(on, whole, live)
        self.small.place_clicked(on, whole, rows)
        crops = self.small.decode(on, live)
        rows |= {i: self.small.pasted(on, row) for i, row in crops.items()}
        decoded = Decoded.stack([rows[o.object_id] for o in live])
        resolved = self.identities.resolve(_inputs(on, live, decoded, crops.keys()))
        tracked_masks = TrackedMasks(resolved.here)
        if crops:
            crops, tracked_masks = self.small.settled(
                on, live, crops, decoded, resolved.decoded
            )
        self._keep(on, live, resolved, crops.keys(), remember)
        self.small.keep(on, live, crops, tracked_masks.fine.masks)
        if all(fine is None for fine in decoded.fine):
            return tracked_masks
        ids = [o.object_id for o in live]
        competing = self.identities.competitors(ids)
        small = tracked_masks.fine
        fine = with_fine_masks(small, ids, decoded, resolved.decoded, competing, on.hw)
        return replace(tracked_masks, fine=fine)

    def _whole_rows(
        self,
        on: TrackedFrame,
        whole: Sequence[TrackedObject],
        live: Sequence[TrackedObject],
    ) -> dict[int, Decoded]:
        """Rows by object id of those that are decoded in the whole frame."""
        if not whole:
            return {}
        neighbours = self.small.priors(on, live)
        decoded = self.rows.decode(on.encoded(), whole, self.bank, neighbours)
        return {o.object_id: decoded.row(row) for row, o in enumerate(whole)}

    def _keep(
        self,
        on: TrackedFrame,
        live: Sequence[TrackedObject],
        resolved: Resolved,
        elsewhere: Container[int],
        remember: bool,
    ) -> None:
        """Write priors, and memory of prompted objects and of clearly visible ones that are
        due.  elsewhere: objects that were decoded in crops.  remember: whether what is due is
        written.
        """
        rows = [row for row, o in enumerate(live) if o.object_id not in elsewhere]
        if not rows:
            return
        t = on.index
        features = on.features()
        decoded = resolved.decoded
        present = (resolved.here.presence > PRESENT).tolist()
        write = []
        for row in rows:
            tracked = live[row]
            prior = Prior(t, decoded.logits[row], features.local_key)
            tracked.prior = prior if present[row] else None
            due = remember and resolved.reliable[row]
            due = due and self.bank.due(tracked.object_id, t)
            if due or t in tracked.prompts:
                write.append(row)
        if not write:
            return
        values = self.model.encode_memory(features, decoded.logits[write])
        ids = [live[row].object_id for row in write]
        entry = memory_entry(features, ids, values, decoded.logits[write])
        anchors = {o.object_id for o in live if t in o.prompts}
        self.bank.write_prompted(_of(entry, anchors))
        self.bank.write_recent(_of(entry, set(ids) - anchors))


def _inputs(
    on: TrackedFrame,
    live: Sequence[TrackedObject],
    decoded: Decoded,
    elsewhere: Container[int],
) -> IdentityInput:
    return IdentityInput(
        on.index,
        tuple(o.object_id for o in live),
        tuple(on.index in o.prompts for o in live),
        tuple(o.given_mask(on.index) is not None for o in live),
        decoded,
        on.frame.image,
        tuple(o.object_id in elsewhere for o in live),
    )


def _of(entry: MemoryEntry, wanted: set[int]) -> MemoryEntry:
    """The entry of some of its objects."""
    return replace(entry, values={k: v for k, v in entry.values.items() if k in wanted})
