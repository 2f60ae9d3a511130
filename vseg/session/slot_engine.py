"""One step of tracking with a model that remembers in slots: what is remembered its memory
policy decides.

The order of the stages as SAM 2's video predictor has it (arXiv:2408.00714, section 4):
condition on memory, decode all objects together, decode the prompts of this frame, write one
slot per object.  What we changed: an object's slots depend on its own prompts alone, and a
correction becomes a prompted frame.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from vseg.interfaces.grounder import FrameFeatures
from vseg.interfaces.memory_policy import MemoryDecision
from vseg.interfaces.slot_model import SlotModel
from vseg.ops.denormals import denormals_flushed
from vseg.session.encoded_image import EncodedImage
from vseg.session.identity.identities import Identities
from vseg.session.identity.identity_input import IdentityInput
from vseg.session.image_predictor import ImagePredictor, only_mask
from vseg.session.memory.slot_bank import SlotBank
from vseg.session.tracked_masks import TrackedMasks
from vseg.session.tracked_object import TrackedObject
from vseg.tensors import Decoded, Features
from vseg.types import Frame


@dataclass(frozen=True, slots=True)
class _Row:
    """One object's mask, and what becomes of the frame in its memory."""

    decoded: Decoded
    decision: MemoryDecision


@dataclass(frozen=True, slots=True)
class SlotEngine:
    """The stages in order, for one model, one session's memory and its identities."""

    model: SlotModel
    bank: SlotBank
    identities: Identities

    @denormals_flushed()
    @torch.inference_mode()
    def track(
        self,
        frame: Frame,
        encoded: FrameFeatures,
        live: Sequence[TrackedObject],
        *,
        remember: bool = True,
    ) -> TrackedMasks:
        """Decode the live objects, those prompted here with their prompts; remember all of
        them.

        remember: without it nothing is, unless an object is prompted here.
        """
        t = frame.index
        features = encoded()
        self.identities.detect_cut(frame)
        for tracked in live:  # a prompted frame is decoded without what it wrote before
            if t in tracked.prompts:
                self.bank.drop(tracked.object_id, t)
        given = {
            row: m for row, o in enumerate(live) if (m := only_mask(o.prompts.get(t, ())))
        }
        rows, conditioned = self._tracked(features, live, given)
        predictor = ImagePredictor(self.model)
        image = EncodedImage(frame, features)
        for row, tracked in enumerate(live):
            if t in tracked.prompts:
                prior = rows[row].decoded.logits if row in rows else None
                prompted = predictor.decode(
                    image, [tracked.prompts[t]], prior, conditioned.get(row)
                )
                rows[row] = self._decided(t, prompted)
        decoded = Decoded.stack([rows[row].decoded for row in range(len(live))])
        is_prompted = tuple(t in tracked.prompts for tracked in live)
        ids = tuple(tracked.object_id for tracked in live)
        exact = tuple(row in given for row in range(len(live)))
        resolved = self.identities.resolve(
            IdentityInput(t, ids, is_prompted, exact, decoded, frame.image)
        )
        tracked_masks = TrackedMasks(resolved.here)
        if not remember and not any(is_prompted):
            return tracked_masks
        decoded = resolved.decoded
        slots = self.model.encode_memory(features, decoded, is_prompted, given)
        for row, (tracked, slot) in enumerate(zip(live, slots, strict=True)):
            self.bank.write(
                tracked.object_id,
                t,
                slot,
                prompted=is_prompted[row],
                decision=rows[row].decision,
                logits=decoded.logits[row],
            )
        return tracked_masks

    def _tracked(
        self, features: Features, live: Sequence[TrackedObject], given: Container[int]
    ) -> tuple[dict[int, _Row], dict[int, Float[Tensor, "1 C h w"]]]:
        """Rows decoded by memory alone, and the features conditioned on the memory of each."""
        t = features.frame_index
        known = [
            r for r, o in enumerate(live) if r not in given and self.bank.knows(o.object_id)
        ]
        if not known:
            return {}, {}
        objects = [(live[row].object_id, live[row].reverse) for row in known]
        memories = [self.bank.read(obj, t, reverse=reverse) for obj, reverse in objects]
        conditioned = self.model.condition(features, memories)
        decoded, decisions = self.bank.decide(
            t, objects, self.model.decode(features, conditioned)
        )
        rows = {row: _Row(decoded.row(k), decisions[k]) for k, row in enumerate(known)}
        return rows, {row: conditioned[k : k + 1] for k, row in enumerate(known)}

    def _decided(self, frame_index: int, prompted: Decoded) -> _Row:
        """A mask decoded from prompts: it stands as it is; the policy only observes it."""
        _, decisions = self.bank.policy.decide(
            frame_index, replace(prompted, alternatives=None), [{}]
        )
        return _Row(prompted, decisions[0])
