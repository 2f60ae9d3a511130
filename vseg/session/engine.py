"""One step of tracking: features of a frame in, masks of all live objects out, memory written.

The engine is the order of the stages.  It keeps nothing: objects and bank belong to the
session.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.interfaces.affinity_model import AffinityModel
from vseg.session.identity.identities import Identities, IdentityInput, Resolved
from vseg.session.memory.affinity_bank import AffinityBank
from vseg.tensors import PRESENT, Decoded, Features, MemoryEntry
from vseg.types import Box, Frame, Mask, VisualPrompt


@dataclass(frozen=True, slots=True)
class Prior:
    """An object's mask on the frame it was tracked on last, and that frame's key for local
    matching.
    """

    frame_index: int
    logits: Float[Tensor, "h4 w4"]
    near: Float[Tensor, "L h8 w8"]


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
        """Whether tracking in this direction has met the object's first prompt."""
        if reverse:
            return frame_index <= max(self.prompts)
        return frame_index >= min(self.prompts)

    def given_mask(self, frame_index: int) -> Bool[np.ndarray, "H W"] | None:
        """The mask the user gave on this frame, if a mask is all that was given."""
        prompts = self.prompts.get(frame_index, ())
        if len(prompts) == 1 and isinstance(prompts[0], Mask):
            return prompts[0].mask
        return None


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
        if self.identities.look(frame):
            for tracked in live:  # where it was in another shot says nothing
                tracked.prior = None
        prompted = tuple(frame.index in tracked.prompts for tracked in live)
        for tracked in live:  # what was said of this frame before must not answer for itself
            if frame.index in tracked.prompts:
                self.bank.drop(tracked.object_id, frame.index)
        decoded = self._decoded(frame, features, live)
        ids = tuple(tracked.object_id for tracked in live)
        given = tuple(tracked.given_mask(frame.index) is not None for tracked in live)
        settled = self.identities.resolve(
            IdentityInput(frame.index, ids, prompted, given, decoded)
        )
        self._keep(features, live, settled)
        return settled.decoded

    def _decoded(
        self, frame: Frame, features: Features, live: Sequence[TrackedObject]
    ) -> Decoded:
        """Rows by memory, and in their place or beside them what the prompts of this frame
        say.
        """
        rows: dict[int, Decoded] = {}
        readouts: dict[int, Tensor] = {}
        known = [row for row, o in enumerate(live) if self.bank.knows(o.object_id)]
        if known:
            mine = [live[row] for row in known]
            readout = self.model.condition(
                features, self.bank.read([o.object_id for o in mine])
            )
            tracked = self.model.decode(features, readout, self._priors(features, mine))
            if len(known) == len(live) and not any(frame.index in o.prompts for o in live):
                return tracked
            rows = {row: tracked.row(k) for k, row in enumerate(known)}
            readouts = {row: readout[k : k + 1] for k, row in enumerate(known)}
        for row, prompts in enumerate(o.prompts.get(frame.index, ()) for o in live):
            if prompts and row in rows:
                rows[row] = self._corrected(features, prompts, readouts[row], rows[row])
            elif prompts:
                rows[row] = self._met(frame, features, prompts)
        return Decoded.stack([rows[row] for row in range(len(live))])

    def _priors(
        self, features: Features, known: Sequence[TrackedObject]
    ) -> Float[Tensor, "O P h4 w4"]:
        """The objects' masks on the frame tracked last, carried to this one; unknown if it is
        far.
        """
        unknown = torch.zeros(
            features.map_hw, device=self.model.device, dtype=self.model.dtype
        )
        carried = self.model.warp_prior(features, None, torch.stack([unknown] * len(known)))
        frames = {o.prior.frame_index for o in known if o.prior is not None}
        for frame in frames:  # one, unless objects were tracked apart
            if not 0 < abs(frame - features.frame_index) <= self.bank.budget.stride:
                continue
            same = {
                n: o.prior
                for n, o in enumerate(known)
                if o.prior and o.prior.frame_index == frame
            }
            logits = torch.stack([prior.logits for prior in same.values()])
            near = next(iter(same.values())).near
            competitors = self.identities.competitors([known[n].object_id for n in same])
            compete = torch.from_numpy(competitors).to(self.model.device)
            carried[list(same)] = self.model.warp_prior(features, near, logits, compete)
        return carried

    def _met(
        self, frame: Frame, features: Features, prompts: tuple[VisualPrompt, ...]
    ) -> Decoded:
        """An object of which nothing is remembered: what its prompts say of this frame.

        The prompts are looked at twice, the second time with the first mask as prior.  Marks
        alone do not tell how large the object is, so their first look is at a coarser scale.
        """
        given = self._given(features, prompts)
        if given is not None and len(prompts) == 1:
            return self._as_given(features, given)
        prior = given
        if prior is None and any(isinstance(p, Box) for p in prompts):
            prior = self._look(features, prompts, None, None).logits[0]
        elif prior is None:
            prior = _resized(self.model.coarse_mask(frame, prompts), features.map_hw)
        return self._look(features, prompts, prior, None)

    def _corrected(
        self,
        features: Features,
        prompts: tuple[VisualPrompt, ...],
        readout: Float[Tensor, "1 V h w"] | None,
        tracked: Decoded | None,
    ) -> Decoded:
        """A known object: its mask by memory is the prior, and what memory says is added."""
        given = self._given(features, prompts)
        if given is not None and len(prompts) == 1:
            return self._as_given(features, given)
        prior = given if given is not None or tracked is None else tracked.logits[0]
        once = self._look(features, prompts, prior, readout)
        return self._look(features, prompts, once.logits[0], readout)

    def _given(
        self, features: Features, prompts: tuple[VisualPrompt, ...]
    ) -> Float[Tensor, "h4 w4"] | None:
        masks = [p for p in prompts if isinstance(p, Mask)]
        return self.model.given(features, masks[-1]) if masks else None

    def _look(
        self,
        features: Features,
        prompts: tuple[VisualPrompt, ...],
        prior: Float[Tensor, "h4 w4"] | None,
        readout: Float[Tensor, "1 V h w"] | None,
    ) -> Decoded:
        said = self.model.encode_prompts(features, prompts, prior)[None]
        if prior is None:
            prior = torch.zeros(
                features.map_hw, device=self.model.device, dtype=self.model.dtype
            )
        total = said if readout is None else said + readout
        decoded = self.model.decode(
            features, total, self.model.warp_prior(features, None, prior[None])
        )
        return replace(decoded, presence=torch.ones_like(decoded.presence))

    def _as_given(self, features: Features, logits: Float[Tensor, "h4 w4"]) -> Decoded:
        """A user's mask stands as it is; the decoder only names its identity."""
        seen = self.model.decode(
            features,
            self.model.remember(features, logits[None]),
            self.model.warp_prior(features, None, logits[None]),
        )
        sure = torch.ones_like(seen.quality)
        return Decoded(logits[None], sure, sure, seen.embedding)

    def _keep(
        self, features: Features, live: Sequence[TrackedObject], settled: Resolved
    ) -> None:
        """Write priors, and memory of prompted objects and of clearly visible ones that are
        due.
        """
        t = features.frame_index
        decoded = settled.decoded
        present = (decoded.presence > PRESENT).tolist()
        write = []
        for row, tracked in enumerate(live):
            seen = Prior(t, decoded.logits[row], features.near)
            tracked.prior = seen if present[row] else None
            due = settled.clear[row] and self.bank.due(tracked.object_id, t)
            if due or t in tracked.prompts:
                write.append(row)
        if not write:
            return
        values = self.model.remember(features, decoded.logits[write])
        by_object = {live[row].object_id: values[k] for k, row in enumerate(write)}
        anchors = {o.object_id for o in live if t in o.prompts}
        self.bank.write_prompted(_entry(features, by_object, anchors))
        self.bank.write_recent(_entry(features, by_object, set(by_object) - anchors))


def _entry(features: Features, values: dict[int, Tensor], wanted: set[int]) -> MemoryEntry:
    chosen = {object_id: value for object_id, value in values.items() if object_id in wanted}
    return MemoryEntry(features.frame_index, features.key, chosen)


def _resized(logits: Float[Tensor, "h w"], hw: tuple[int, int]) -> Float[Tensor, "h4 w4"]:
    return F.interpolate(logits[None, None], size=hw, mode="bilinear", align_corners=False)[
        0, 0
    ]
