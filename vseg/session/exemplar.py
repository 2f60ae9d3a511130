"""What looks like a region of another image: the grounder of exemplars.

Enters: a frame and exemplars.  Leaves: for each of them the objects on the frame that look
like its region, with masks and similarities.  The region is memorised and decoded on the
frame: that is dense matching, and each connected part of the mask is one object.  Nothing says
where it lay before.  The exemplar is memorised in three sizes, because an object rarely has
the same size twice.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from vseg.errors import BadPrompt
from vseg.interfaces.promptable_model import PromptableModel, Recall
from vseg.ops.masks import mask_iou
from vseg.prompts.simulate import tight_box
from vseg.session.encoded_image import EncodedImage
from vseg.session.exemplar_scaling import scaled_exemplar
from vseg.session.image_predictor import ImagePredictor
from vseg.tensors import Features
from vseg.types import (
    Box,
    ConceptPrompt,
    Detections,
    Exemplar,
    Frame,
    Grounding,
    Mask,
    MaskCrop,
    Text,
)

THRESHOLD = 0.85
"""Chosen on four held-out DAVIS clips, 40 pairs of frames of one clip and 48 of different
clips: the middle of where the F1 of finding the object with an IoU of at least one half is
best (0.91; 0.90 to 0.92 from 0.84 to 0.87).  That was with nano; no model of the SAM 2
family was measured."""
SCALES = (0.5, 1.0, 2.0)
"""Factors on the exemplar's size; round values, not tuned."""
SAME_OBJECT = 0.5
"""Of two matches that overlap by more than this IoU only the more similar one is kept."""
MOST_MEMORISED = 8
"""Exemplars whose memories are kept from call to call, where a call asks for fewer; a round
value: one takes 2 MiB with nano, up to 50 MiB with a model of the SAM 2 family.
"""
_LEAST_SHARE = 5e-4
"""Connected parts smaller than this share of the frame are specks; not tuned."""
_MOST_PARTS = 8
"""Of a mask, each of which may be an object: bounds the masks compared; a round value."""

Region = Bool[np.ndarray, "H W"]


@dataclass(frozen=True, slots=True)
class _Appearance:
    """What a region looks like.

    pooled: the mean of the coarse features in it, less their mean over the image.  identity:
    the decoder's embedding of it; None of a model whose embeddings are no appearances.
    """

    pooled: Float[Tensor, " C"]
    identity: Float[Tensor, " E"] | None

    def similarity(self, other: "_Appearance") -> float:
        """The cosine to another appearance, or the mean of both cosines, in [0, 1]."""
        cosines = [F.cosine_similarity(self.pooled, other.pooled, dim=0)]
        if self.identity is not None and other.identity is not None:
            cosines.append(F.cosine_similarity(self.identity, other.identity, dim=0))
        return float(torch.stack(cosines).mean().clamp(0, 1))


@dataclass(frozen=True, slots=True)
class _Memorised:
    """An exemplar at one size: what decodes it on other images, and its appearance."""

    recall: Recall
    appearance: _Appearance


@dataclass(frozen=True, slots=True)
class _Match:
    mask: Region
    similarity: float


class ExemplarGrounder:
    """Finds what exemplars show, with the weights of a segmenter.  Implements
    `vseg.interfaces.grounder.Grounder`.

    A region that fills its bounding box is taken for a box: the model finds the object in it
    first.  Exemplars are memorised once; the memories of the last few are kept.
    """

    def __init__(self, model: PromptableModel) -> None:
        self.name = f"{model.name}-exemplar"
        self.weights_sha256 = model.weights_sha256
        self.shares_features_with = model.weights_sha256
        self.threshold = THRESHOLD
        self._model = model
        self._predictor = ImagePredictor(model)
        # By the identity of its arrays: an exemplar's pixels are too many to be compared.
        self._memorised: OrderedDict[tuple[int, int], tuple[Exemplar, list[_Memorised]]]
        self._memorised = OrderedDict()

    @torch.inference_mode()
    def check(self, queries: Sequence[ConceptPrompt]) -> None:
        """Raise BadPrompt for words, and for a box in whose image there is no object."""
        for query in queries:
            self._memory_of(_exemplar(query))
        self._forget_unused(len(queries))

    @torch.inference_mode()
    def ground(
        self,
        frame: Frame,
        queries: Sequence[ConceptPrompt],
        features: Features | None = None,
        adjacent: Frame | None = None,
    ) -> Grounding:
        """Every object on the frame that is as similar to an exemplar as its threshold asks.

        adjacent: not used.  Raises BadPrompt for text, and for a box in whose image there is
        no object.
        """
        exemplars = [_exemplar(query) for query in queries]
        if features is None or features.weights_sha256 != self.weights_sha256:
            features = self._predictor.encode(frame).features
        kept: list[tuple[_Match, int]] = []
        best = np.zeros(len(exemplars))
        for label, exemplar in enumerate(exemplars):
            matches = self._matches(exemplar, frame, features)
            best[label] = max((match.similarity for match in matches), default=0.0)
            least = self.threshold if exemplar.threshold is None else exemplar.threshold
            kept += [(match, label) for match in matches if match.similarity >= least]
        self._forget_unused(len(exemplars))
        kept.sort(key=lambda pair: -pair[0].similarity)
        return _grounding(kept, best, exemplars)

    def _matches(self, exemplar: Exemplar, frame: Frame, features: Features) -> list[_Match]:
        """What matches the exemplar at any of its sizes, best first, each object once."""
        matches = []
        for memorised in self._memory_of(exemplar):
            logits = memorised.recall(features).logits[0]
            parts = _parts(_enlarged(logits, frame.image.shape))
            appearances = self._appearances(features, parts)
            matches += [
                _Match(part, appearance.similarity(memorised.appearance))
                for part, appearance in zip(parts, appearances, strict=True)
            ]
        matches.sort(key=lambda match: -match.similarity)
        distinct: list[_Match] = []
        for match in matches:
            if all(mask_iou(match.mask, other.mask) <= SAME_OBJECT for other in distinct):
                distinct.append(match)
        return distinct

    def _memory_of(self, exemplar: Exemplar) -> list[_Memorised]:
        """The exemplar at each of its sizes, memorised when it is first asked for."""
        key = (id(exemplar.image), id(exemplar.region))
        if key not in self._memorised:
            # The exemplar is held too: while it is, no other array can have its id.
            self._memorised[key] = (exemplar, self._memorise(exemplar))
        self._memorised.move_to_end(key)
        return self._memorised[key][1]

    def _forget_unused(self, asked: int) -> None:
        """Keep the memories of the exemplars used last: of all that a call asks for, at
        least.
        """
        while len(self._memorised) > max(asked, MOST_MEMORISED):
            self._memorised.popitem(last=False)

    def _memorise(self, exemplar: Exemplar) -> list[_Memorised]:
        region = self._object_in(exemplar)
        memorised = []
        for scale in SCALES:
            image, scaled = scaled_exemplar(exemplar.image, region, scale)
            # A region that leaves the image enlarged, or vanishes reduced, shows nothing.
            if not scaled.any():
                continue
            features = self._encode(image).features
            recall = self._model.memorise(features, Mask(scaled))
            memorised.append(_Memorised(recall, self._appearances(features, [scaled])[0]))
        return memorised

    def _object_in(self, exemplar: Exemplar) -> Region:
        """The region, or of one that is a box the object that the model finds in it."""
        region = exemplar.region
        if not MaskCrop.of(region).mask.all():
            return region
        box = tight_box(region)
        height, width = region.shape
        if box == Box(0.0, 0.0, float(width), float(height)):
            return region  # the whole image is the example
        decoded = self._predictor.decode(self._encode(exemplar.image), [[box]])
        mask = _enlarged(decoded.logits[0], region.shape)
        if not mask.any():
            raise BadPrompt(
                f"there is no object in the box of the exemplar {exemplar.source}".rstrip(),
                hint="draw the box tightly around one object, or give a mask: "
                "image.jpg:mask.png",
            )
        return mask

    def _encode(self, image: UInt8[np.ndarray, "H W 3"]) -> EncodedImage:
        return self._predictor.encode(Frame(0, None, 0.0, image))

    def _appearances(self, features: Features, regions: Sequence[Region]) -> list[_Appearance]:
        """What the regions of an image look like."""
        if not regions:
            return []
        coarse = min(features.levels, key=lambda level: int(level.shape[-1]))[0].float()
        identities: Sequence[Tensor | None] = [None] * len(regions)
        if self._model.embeds_identity:
            masks = [Mask(region) for region in regions]
            given = self._model.encode_mask_prompts(features, masks)
            identities = list(given.embedding.float())
        return [
            _Appearance(_pooled(coarse, region), identity)
            for region, identity in zip(regions, identities, strict=True)
        ]


def _pooled(coarse: Float[Tensor, "C h w"], region: Region) -> Float[Tensor, " C"]:
    """The mean of the features in a region, less their mean over the image."""
    share = cv2.resize(
        region.astype(np.float32), coarse.shape[:0:-1], interpolation=cv2.INTER_AREA
    )
    weight = torch.from_numpy(share).to(coarse.device)
    mean = (coarse * weight).sum((1, 2)) / weight.sum().clamp_min(1e-6)
    return mean - coarse.mean((1, 2))


def _exemplar(query: ConceptPrompt) -> Exemplar:
    """The query, which is no words.  Raises BadPrompt for words."""
    if isinstance(query, Text):
        raise BadPrompt(
            f"'{query.phrase}' is text; this grounder compares images",
            hint="give an exemplar, or a grounder for words",
        )
    return query


def _grounding(
    kept: Sequence[tuple[_Match, int]],
    best: Float[np.ndarray, " Q"],
    exemplars: Sequence[Exemplar],
) -> Grounding:
    crops = tuple(MaskCrop.of(match.mask) for match, _ in kept)
    boxes = [crop.xyxy for crop in crops]
    detections = Detections(
        np.array(boxes, dtype=np.float64).reshape(-1, 4),
        np.array([match.similarity for match, _ in kept], dtype=np.float64),
        np.array([label for _, label in kept], dtype=np.int64),
        crops,
    )
    return Grounding(detections, best, tuple(exemplars[label].source for _, label in kept))


def _parts(mask: Region) -> list[Region]:
    """The connected parts, largest first, at most `_MOST_PARTS` and none that is a speck."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[:, cv2.CC_STAT_AREA]
    large = [k for k in range(1, count) if areas[k] >= _LEAST_SHARE * mask.size]
    large.sort(key=lambda k: -int(areas[k]))
    return [np.asarray(labels == k, dtype=bool) for k in large[:_MOST_PARTS]]


def _enlarged(logits: Float[Tensor, "h w"], shape: Sequence[int]) -> Region:
    """The mask at the size of an image (bilinear on the logits, then > 0)."""
    big = cv2.resize(logits.float().cpu().numpy(), (shape[1], shape[0]))
    return np.asarray(big > 0, dtype=bool)
