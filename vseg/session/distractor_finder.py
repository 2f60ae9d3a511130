"""Things that nobody prompted and that look like one that was: its distractors.

Enters: a frame, the mask of an object that was prompted on it, and the cells of all objects.
Leaves: masks of other things that the object's memory would claim.  They are tracked like
objects, unseen, so that they keep their pixels: among objects that are tracked, a look-alike
is told apart by where it was, and by nothing else.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.interfaces.affinity_model import AffinityModel
from vseg.session.encoded_image import EncodedImage
from vseg.session.identity.departures import FrameColours
from vseg.tensors import CERTAIN_LOGIT, Memory, MemoryPart
from vseg.types import Mask

MOST = 4
"""Distractors of a session at once; a round value: each costs what an object does."""

# Cells that resemble the object so much, by the cosine of their keys, do not say that they are
# background: on its own frame every cell is most like itself. Of 0.5, 0.7 and 0.85 the second
# finds most of the look-alikes in the identity suite.
_RESEMBLES = 0.7
# A distractor has at least this cosine of embeddings to the object and this coefficient of
# colours, and from 0.4 to 2.5 times its area. Look-alikes of the identity suite and of a real
# clip of cups have 0.82 to 0.98 and 0.71 to 0.97; of 30 training clips one has any: a rider
# beside a rider.
_LEAST_COSINE = 0.8
_LEAST_COLOURS = 0.7
_AREAS = (0.4, 2.5)
# Share of a part on objects that are tracked from which it is one of them. Not tuned.
_TRACKED = 0.3

_BESIDE = np.ones((3, 3), dtype=np.uint8)

Cells = Bool[np.ndarray, "h4 w4"]


@dataclass(frozen=True, slots=True)
class DistractorFinder:
    """Finds distractors with one model.

    below: what is smaller, in pixels of the frame as the model sees it, is left out: it would
    be tracked in a crop of its own.
    """

    model: AffinityModel
    below: int

    @torch.inference_mode()
    def find(
        self, image: EncodedImage, logits: Float[Tensor, "h4 w4"], tracked: Cells
    ) -> list[Mask]:
        """Masks of distractors of the object with this mask, the largest first.

        tracked: cells of all objects that are tracked, this one too.
        """
        own = (logits > 0).cpu().numpy()
        claimed = self._claimed(image, logits).float().cpu().numpy()
        beside = cv2.dilate(own.astype(np.uint8), _BESIDE) > 0
        parts = self._parts((claimed > 0) & ~beside, int(own.sum()), tracked)
        if not parts:
            return []
        similar = self._similar(image, own, parts)
        height, width = image.frame.hw
        masks = []
        for part in (p for p, alike in zip(parts, similar, strict=True) if alike):
            alone = np.where(part, claimed, -CERTAIN_LOGIT).astype(np.float32)
            masks.append(Mask(np.asarray(cv2.resize(alone, (width, height)) > 0)))
        return masks

    def _claimed(
        self, image: EncodedImage, logits: Float[Tensor, "h4 w4"]
    ) -> Float[Tensor, "h4 w4"]:
        """Logits of what is like the object, by its memory of this very frame."""
        features = image.features
        key = features.key.flatten(1)
        values = self.model.encode_memory(features, logits[None]).flatten(2)
        share = F.avg_pool2d((logits > 0).to(key)[None], 4).flatten()
        mine = share >= min(0.5, float(share.max()))
        cosine = (key.T @ key[:, mine]).amax(1)
        says = (share > 0) | (cosine < _RESEMBLES)
        part = MemoryPart(key[:, says].contiguous(), values[:, :, says].contiguous(), (0,))
        readout = self.model.condition(features, Memory(1, (part,)))
        unknown = logits.new_zeros((1, *features.map_hw))
        prior = self.model.warp_prior(features, None, unknown)
        return self.model.decode(features, readout, prior).logits[0]

    def _parts(self, claimed: Cells, area: int, tracked: Cells) -> list[Cells]:
        """The connected parts about as large as the object that are not tracked yet."""
        count, labels, stats, _ = cv2.connectedComponentsWithStats(claimed.astype(np.uint8))
        sides = 4 * stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1)
        areas = stats[:, cv2.CC_STAT_AREA]
        least, most = _AREAS
        parts = []
        for k in sorted(range(1, count), key=lambda k: -int(areas[k])):
            part = labels == k
            fits = least * area <= areas[k] <= most * area and sides[k] >= self.below
            if fits and np.count_nonzero(part & tracked) < _TRACKED * areas[k]:
                parts.append(part)
        return parts[: 2 * MOST]

    def _similar(self, image: EncodedImage, own: Cells, parts: list[Cells]) -> list[bool]:
        """Which of the parts look like the object."""
        features = image.features
        regions = torch.from_numpy(np.stack([own, *parts]))
        logits = (2.0 * regions - 1).to(features.key) * CERTAIN_LOGIT
        values = self.model.encode_memory(features, logits)
        prior = self.model.warp_prior(features, None, logits)
        embedding = self.model.decode(features, values, prior).embedding.float()
        cosines = F.cosine_similarity(embedding[1:], embedding[:1]).tolist()
        colours = FrameColours(image.frame.image, features.map_hw)
        mine = colours.of(own)
        return [
            cosine >= _LEAST_COSINE and float(mine @ colours.of(part)) >= _LEAST_COLOURS
            for cosine, part in zip(cosines, parts, strict=True)
        ]
