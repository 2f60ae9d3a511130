"""Masks of objects on one image, by what is remembered of them and by their prompts.

The image is the whole frame, with all objects that are tracked there, or a crop of it with one
small object.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from vseg.interfaces.affinity_model import AffinityModel
from vseg.session.encoded_image import EncodedImage
from vseg.session.identity.identities import Identities
from vseg.session.image_predictor import ImagePredictor
from vseg.session.mask_parts import (
    PartEvidence,
    motion_evidence,
    own_evidence,
    without_stray_parts,
)
from vseg.session.memory.affinity_bank import AffinityBank
from vseg.session.tracked_object import Prior, TrackedObject
from vseg.tensors import Decoded, Features, LookAlikes
from vseg.types import Box

Neighbours = Sequence[tuple[int, Prior]]
"""Objects that are decoded elsewhere, by id; their masks on the cells of the priors here."""


@dataclass(frozen=True, slots=True)
class RowDecoder:
    """Decodes rows of objects with one model.

    stride: frames that are farther apart say nothing of where an object is.
    """

    model: AffinityModel
    identities: Identities
    stride: int

    def decode(
        self,
        image: EncodedImage,
        live: Sequence[TrackedObject],
        bank: AffinityBank,
        neighbours: Neighbours = (),
    ) -> Decoded:
        """Rows by memory, and those of objects prompted on this frame by their prompts."""
        t = image.features.frame_index
        rows: dict[int, Decoded] = {}
        readouts: dict[int, Tensor] = {}
        known = [row for row, o in enumerate(live) if bank.knows(o.object_id)]
        if known:
            mine = [live[row] for row in known]
            ids = [o.object_id for o in mine]
            priors = self._priors(image.features, mine, neighbours)
            similar = torch.from_numpy(self.identities.look_alikes(ids)).to(priors.device)
            look_alikes = LookAlikes(priors, similar) if similar.any() else None
            readout = self.model.condition(image.features, bank.read(ids), look_alikes)
            tracked = self.model.decode(image.features, readout, priors)
            tracked = replace(tracked, logits=self._coherent(t, tracked.logits, mine))
            if len(known) == len(live) and not any(t in o.prompts for o in live):
                return tracked
            rows = {row: tracked.row(k) for k, row in enumerate(known)}
            readouts = {row: readout[k : k + 1] for k, row in enumerate(known)}
        predictor = ImagePredictor(self.model)
        for row, prompts in enumerate(o.prompts.get(t, ()) for o in live):
            if row in rows and prompts and not any(isinstance(p, Box) for p in prompts):
                # The mask by memory is the prior, and the readout adds to the prompts.
                prior = rows[row].logits
                readout = readouts[row]
                rows[row] = predictor.decode(image, [prompts], prior, readout)
            elif prompts:
                # A box says where all of the object is, whatever memory takes for it.
                rows[row] = predictor.decode(image, [prompts])
        return Decoded.stack([rows[row] for row in range(len(live))])

    def _coherent(
        self,
        frame_index: int,
        logits: Float[Tensor, "O h4 w4"],
        known: Sequence[TrackedObject],
    ) -> Float[Tensor, "O h4 w4"]:
        """Without parts of masks that are too far from the objects' last masks, or, where
        there are none, from their largest parts.
        """
        if not self.identities.rules.coherent:
            return logits
        evidence = [
            self._moved(frame_index, o) or own_evidence(logits[row])
            for row, o in enumerate(known)
        ]
        return without_stray_parts(logits, evidence)

    def _moved(self, frame_index: int, known: TrackedObject) -> PartEvidence | None:
        """Where an object is by its mask on the frame before; None if it had none."""
        prior = known.prior
        if prior is None or not self._adjacent(prior.frame_index, frame_index):
            return None
        leaving = self.identities.leaving(known.object_id)
        return motion_evidence(prior.logits, leaving=leaving)

    def _adjacent(self, frame: int, other: int) -> bool:
        """Whether two frames are at most a stride apart: a mask of one says where the object
        is on the other.
        """
        return 0 < abs(frame - other) <= self.stride

    def _priors(
        self, features: Features, known: Sequence[TrackedObject], neighbours: Neighbours
    ) -> Float[Tensor, "O P h4 w4"]:
        """The objects' masks on the frame tracked last, warped to this one; unknown if it is
        more than a stride away.
        """
        frames: dict[int | None, list[TrackedObject]] = {}
        for tracked in known:
            last = None if tracked.prior is None else tracked.prior.frame_index
            if last is not None and not self._adjacent(last, features.frame_index):
                last = None
            frames.setdefault(last, []).append(tracked)
        warped = [self._warped(features, f, same, neighbours) for f, same in frames.items()]
        if len(warped) == 1:  # unless objects were tracked apart
            return warped[0]
        ids = [o.object_id for same in frames.values() for o in same]
        order = [ids.index(o.object_id) for o in known]
        return torch.cat(warped)[order]

    def _warped(
        self,
        features: Features,
        frame: int | None,
        same: Sequence[TrackedObject],
        neighbours: Neighbours,
    ) -> Float[Tensor, "N P h4 w4"]:
        """The masks of objects that were all tracked last on one frame; None: on none near."""
        if frame is None:
            size = (len(same), *features.map_hw)
            unknown = torch.zeros(size, device=self.model.device, dtype=self.model.dtype)
            return self.model.warp_prior(features, None, unknown)
        priors = [o.prior for o in same if o.prior is not None]
        beside = [(i, prior) for i, prior in neighbours if prior.frame_index == frame]
        logits = torch.stack([p.logits for p in (*priors, *(q for _, q in beside))])
        ids = [*(o.object_id for o in same), *(i for i, _ in beside)]
        competitors = torch.from_numpy(self.identities.competitors(ids))
        key = priors[0].local_key
        return self.model.warp_prior(features, key, logits, competitors)[: len(same)]
