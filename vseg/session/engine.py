"""One step of tracking: features of a frame in, masks of all live objects out, memory written.

The engine is the order of the stages.  It keeps nothing: objects and bank belong to the
session.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.interfaces.affinity_model import AffinityModel
from vseg.session.identity.identities import Identities
from vseg.session.identity.identity_input import IdentityInput, Resolved
from vseg.session.image_predictor import EncodedImage, ImagePredictor, only_mask
from vseg.session.mask_parts import motion_evidence, without_stray_parts
from vseg.session.memory.affinity_bank import AffinityBank
from vseg.tensors import PRESENT, Decoded, Features, MemoryEntry
from vseg.types import Frame, VisualPrompt


@dataclass(frozen=True, slots=True)
class Prior:
    """An object's mask on the frame it was tracked on last, and that frame's key for local
    matching.
    """

    frame_index: int
    logits: Float[Tensor, "h4 w4"]
    local_key: Float[Tensor, "L h8 w8"]


@dataclass(slots=True)
class TrackedObject:
    """One object: its prompts by frame, its last mask, and what is not yet propagated.

    prior: of the last decoded frame, None if it was not visible there.  stale: frames prompted
    since `propagate` last passed them.  reverse: direction of the last pass.
    """

    object_id: int
    prompts: dict[int, tuple[VisualPrompt, ...]] = field(default_factory=dict)
    prior: Prior | None = None
    stale: set[int] = field(default_factory=set)
    reverse: bool = False

    def born(self, frame_index: int, reverse: bool) -> bool:
        """Whether tracking in this direction has reached the object's first prompt."""
        if reverse:
            return frame_index <= max(self.prompts)
        return frame_index >= min(self.prompts)

    def given_mask(self, frame_index: int) -> Bool[np.ndarray, "H W"] | None:
        """The mask the user gave on this frame, if a mask is all that was given."""
        given = only_mask(self.prompts.get(frame_index, ()))
        return None if given is None else given.mask


@dataclass(frozen=True, slots=True)
class Engine:
    """The stages in order, for one model, one session's memory bank and its identities."""

    model: AffinityModel
    bank: AffinityBank
    identities: Identities

    @torch.inference_mode()
    def track(
        self, frame: Frame, features: Features, live: Sequence[TrackedObject]
    ) -> Decoded:
        """Decode the live objects, those prompted here with their prompts; remember what is
        due.
        """
        if self.identities.detect_cut(frame):
            for tracked in live:  # its place in another shot is no prior
                tracked.prior = None
        prompted = tuple(frame.index in tracked.prompts for tracked in live)
        for tracked in live:  # a prompted frame is decoded without what it wrote before
            if frame.index in tracked.prompts:
                self.bank.drop(tracked.object_id, frame.index)
        decoded = self._decoded(frame, features, live)
        ids = tuple(tracked.object_id for tracked in live)
        given = tuple(tracked.given_mask(frame.index) is not None for tracked in live)
        resolved = self.identities.resolve(
            IdentityInput(frame.index, ids, prompted, given, decoded, frame.image)
        )
        self._keep(features, live, resolved)
        return resolved.decoded

    def _decoded(
        self, frame: Frame, features: Features, live: Sequence[TrackedObject]
    ) -> Decoded:
        """Rows by memory, and those of objects prompted on this frame by their prompts."""
        rows: dict[int, Decoded] = {}
        readouts: dict[int, Tensor] = {}
        known = [row for row, o in enumerate(live) if self.bank.knows(o.object_id)]
        if known:
            mine = [live[row] for row in known]
            readout = self.model.condition(
                features, self.bank.read([o.object_id for o in mine])
            )
            tracked = self.model.decode(features, readout, self._priors(features, mine))
            tracked = replace(
                tracked, logits=self._coherent(frame.index, tracked.logits, mine)
            )
            if len(known) == len(live) and not any(frame.index in o.prompts for o in live):
                return tracked
            rows = {row: tracked.row(k) for k, row in enumerate(known)}
            readouts = {row: readout[k : k + 1] for k, row in enumerate(known)}
        predictor = ImagePredictor(self.model)
        image = EncodedImage(frame, features)
        for row, prompts in enumerate(o.prompts.get(frame.index, ()) for o in live):
            if prompts:
                # The mask by memory is the prior, and the readout adds to the prompts.
                prior = rows[row].logits if row in rows else None
                rows[row] = predictor.decode(image, [prompts], prior, readouts.get(row))
        return Decoded.stack([rows[row] for row in range(len(live))])

    def _coherent(
        self,
        frame_index: int,
        logits: Float[Tensor, "O h4 w4"],
        known: Sequence[TrackedObject],
    ) -> Float[Tensor, "O h4 w4"]:
        """Without parts of masks that are too far from the objects' last masks."""
        if not self.identities.rules.coherent:
            return logits
        evidence = [
            motion_evidence(o.prior.logits, leaving=self.identities.leaving(o.object_id))
            if o.prior is not None and self._adjacent(o.prior.frame_index, frame_index)
            else None
            for o in known
        ]
        return without_stray_parts(logits, evidence)

    def _adjacent(self, frame: int, other: int) -> bool:
        """Whether two frames are at most a stride apart: a mask of one says where the object
        is on the other.
        """
        return 0 < abs(frame - other) <= self.bank.budget.stride

    def _priors(
        self, features: Features, known: Sequence[TrackedObject]
    ) -> Float[Tensor, "O P h4 w4"]:
        """The objects' masks on the frame tracked last, warped to this one; unknown if it is
        more than a stride away.
        """
        unknown = torch.zeros(
            features.map_hw, device=self.model.device, dtype=self.model.dtype
        )
        warped = self.model.warp_prior(features, None, torch.stack([unknown] * len(known)))
        frames = {o.prior.frame_index for o in known if o.prior is not None}
        for frame in frames:  # one, unless objects were tracked apart
            if not self._adjacent(frame, features.frame_index):
                continue
            same = {
                n: o.prior
                for n, o in enumerate(known)
                if o.prior and o.prior.frame_index == frame
            }
            logits = torch.stack([prior.logits for prior in same.values()])
            local_key = next(iter(same.values())).local_key
            competitors = self.identities.competitors([known[n].object_id for n in same])
            compete = torch.from_numpy(competitors).to(self.model.device)
            warped[list(same)] = self.model.warp_prior(features, local_key, logits, compete)
        return warped

    def _keep(
        self, features: Features, live: Sequence[TrackedObject], resolved: Resolved
    ) -> None:
        """Write priors, and memory of prompted objects and of clearly visible ones that are
        due.
        """
        t = features.frame_index
        decoded = resolved.decoded
        present = (decoded.presence > PRESENT).tolist()
        write = []
        for row, tracked in enumerate(live):
            prior = Prior(t, decoded.logits[row], features.local_key)
            tracked.prior = prior if present[row] else None
            due = resolved.reliable[row] and self.bank.due(tracked.object_id, t)
            if due or t in tracked.prompts:
                write.append(row)
        if not write:
            return
        values = self.model.encode_memory(features, decoded.logits[write])
        by_object = {live[row].object_id: values[k] for k, row in enumerate(write)}
        anchors = {o.object_id for o in live if t in o.prompts}
        self.bank.write_prompted(_entry(features, by_object, anchors))
        self.bank.write_recent(_entry(features, by_object, set(by_object) - anchors))


def _entry(features: Features, values: dict[int, Tensor], wanted: set[int]) -> MemoryEntry:
    chosen = {object_id: value for object_id, value in values.items() if object_id in wanted}
    return MemoryEntry(features.frame_index, features.key, chosen)
