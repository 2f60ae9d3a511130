"""What looks like the region of another image: the grounder of references.

Enters: a frame and references.  Leaves: for each of them the things on the frame that look
like its region, with masks and likeness.  A memory that holds the other image alone is read on
the frame: that is dense matching, and the decoder draws what matched; each connected part of
it is a thing.  Nothing says where it lay before.  The other image is looked at in three sizes,
because things are rarely shown twice in the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from vseg.config import INDEPENDENT_OBJECTS, MemorySettings
from vseg.errors import BadPrompt
from vseg.interfaces.model import Model
from vseg.interfaces.slot_model import SlotModel
from vseg.ops.masks import mask_iou
from vseg.prompts.simulate import tight_box
from vseg.session.engine import TrackedObject
from vseg.session.factory import open_engine
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
SAME = 0.5
"""Of two finds that overlap by more than this IoU only the more likely one is kept."""
_LEAST_SHARE = 5e-4
_MOST_PARTS = 8

Region = Bool[np.ndarray, "H W"]


@dataclass(frozen=True, slots=True)
class _Appearance:
    """What a region looks like.

    pooled: the mean of the coarse features in it, less their mean over the image.  identity:
    the decoder's name for it; None of a model whose names were never compared as looks.
    """

    pooled: Float[Tensor, " C"]
    identity: Float[Tensor, " E"] | None

    def similarity(self, other: "_Appearance") -> float:
        """The cosine to another look, or the mean of both cosines, in [0, 1]."""
        cosines = [F.cosine_similarity(self.pooled, other.pooled, dim=0)]
        if self.identity is not None and other.identity is not None:
            cosines.append(F.cosine_similarity(self.identity, other.identity, dim=0))
        return float(torch.stack(cosines).mean().clamp(0, 1))


@dataclass(frozen=True, slots=True)
class _Find:
    mask: Region
    likeness: float


class ExemplarGrounder:
    """Finds what references show, with the weights of a segmenter.  Implements
    `vseg.interfaces.Grounder`.

    A region that fills its bounding box is taken for a box: the model finds the object in it
    first.
    """

    def __init__(self, model: Model) -> None:
        self.name = f"{model.name}-reference"
        self.weights_sha256 = model.weights_sha256
        self.threshold = THRESHOLD
        self._model = model

    @torch.inference_mode()
    def check(self, descriptions: Sequence[ConceptPrompt]) -> None:
        """Raise BadPrompt for words, and for a box in whose image no object is seen."""
        for each in descriptions:
            self._object_in(_reference(each))

    @torch.inference_mode()
    def ground(
        self, frame: Frame, descriptions: Sequence[ConceptPrompt], near: Frame | None = None
    ) -> Grounding:
        """Every thing on the frame that is as like a reference as its threshold asks.

        near: not looked at.  Raises BadPrompt for words, and for a box in whose image no
        object is seen.
        """
        references = [_reference(each) for each in descriptions]
        # The other image is frame 0 of a video of two.
        image = replace(frame, index=1)
        features = self._model.encode([image])[0]
        kept: list[tuple[_Find, int]] = []
        best = np.zeros(len(descriptions))
        for place, reference in enumerate(references):
            finds = self._finds(reference, image, features)
            best[place] = max((find.likeness for find in finds), default=0.0)
            least = self.threshold if reference.threshold is None else reference.threshold
            kept += [(find, place) for find in finds if find.likeness >= least]
        kept.sort(key=lambda pair: -pair[0].likeness)
        return _grounding(kept, best, descriptions)

    def _finds(self, reference: Exemplar, target: Frame, features: Features) -> list[_Find]:
        """What the reference finds at each of its sizes, best first, each thing once."""
        region = self._object_in(reference)
        finds = []
        for scale in SCALES:
            image, seen = _scaled(reference.image, region, scale)
            # A region that leaves the image enlarged, or vanishes reduced, shows nothing.
            if seen.any():
                finds += self._matched(Exemplar(image, seen), target, features)
        finds.sort(key=lambda find: -find.likeness)
        apart: list[_Find] = []
        for find in finds:
            if all(mask_iou(find.mask, other.mask) <= SAME for other in apart):
                apart.append(find)
        return apart

    def _object_in(self, reference: Exemplar) -> Region:
        """The region, or of one that is a box the object that the model sees in it."""
        if not MaskCrop.of(reference.region).mask.all():
            return reference.region
        box = tight_box(reference.region)
        height, width = reference.region.shape
        if box == Box(0.0, 0.0, float(width), float(height)):
            return reference.region  # the whole image is the example
        frame = Frame(0, None, 0.0, reference.image)
        features = self._model.encode([frame])[0]
        engine = open_engine(self._model, MemorySettings(), INDEPENDENT_OBJECTS)
        drawn = engine.track(frame, features, [TrackedObject(1, {0: (box,)})])
        mask = _enlarged(drawn.logits[0], reference.region.shape)
        if not mask.any():
            raise BadPrompt(
                f"no object is seen in the box of the reference {reference.source}".rstrip(),
                hint="draw the box tightly around one thing, or give a mask: "
                "image.jpg:mask.png",
            )
        return mask

    def _matched(self, view: Exemplar, image: Frame, features: Features) -> list[_Find]:
        """The things on the image that one view of the reference matches."""
        engine = open_engine(self._model, MemorySettings(), INDEPENDENT_OBJECTS)
        shown = Frame(0, None, 0.0, view.image)
        known = self._model.encode([shown])[0]
        tracked = TrackedObject(1, {0: (Mask(view.region),)})
        engine.track(shown, known, [tracked])
        tracked.prior = None  # where it lies in the other image says nothing of this one
        drawn = engine.track(image, features, [tracked])
        parts = _parts(_enlarged(drawn.logits[0], image.image.shape))
        looks = self._looks(features, parts)
        wanted = self._looks(known, [view.region])[0]
        return [
            _Find(part, look.similarity(wanted))
            for part, look in zip(parts, looks, strict=True)
        ]

    def _looks(self, features: Features, regions: Sequence[Region]) -> list[_Appearance]:
        """What each region of an image looks like."""
        if not regions:
            return []
        coarse = min(features.levels, key=lambda level: int(level.shape[-1]))[0].float()
        pooled = []
        for region in regions:
            share = cv2.resize(
                region.astype(np.float32), coarse.shape[:0:-1], interpolation=cv2.INTER_AREA
            )
            weight = torch.from_numpy(share).to(coarse.device)
            mean = (coarse * weight).sum((1, 2)) / weight.sum().clamp_min(1e-6)
            pooled.append(mean - coarse.mean((1, 2)))
        names = self._names(features, regions)
        return [_Appearance(*each) for each in zip(pooled, names, strict=True)]

    def _names(
        self, features: Features, regions: Sequence[Region]
    ) -> Sequence[Float[Tensor, " E"] | None]:
        """The decoder's identity of each region, as it names one the user gave."""
        model = self._model
        if isinstance(model, SlotModel):
            return [None] * len(regions)
        logits = torch.stack([model.given(features, Mask(region)) for region in regions])
        values = model.remember(features, logits)
        named = model.decode(features, values, model.warp_prior(features, None, logits))
        return list(named.embedding.float())


def _reference(description: ConceptPrompt) -> Exemplar:
    """The description, which is no words.  Raises BadPrompt for words."""
    if isinstance(description, Text):
        raise BadPrompt(
            f"'{description.phrase}' is said in words; this grounder compares images",
            hint="give a reference, or a grounder for words",
        )
    return description


def _grounding(
    kept: Sequence[tuple[_Find, int]],
    best: Float[np.ndarray, " Q"],
    descriptions: Sequence[ConceptPrompt],
) -> Grounding:
    crops = tuple(MaskCrop.of(find.mask) for find, _ in kept)
    boxes = [c.xyxy for c in crops]
    found = Detections(
        np.array(boxes, dtype=np.float64).reshape(-1, 4),
        np.array([find.likeness for find, _ in kept], dtype=np.float64),
        np.array([place for _, place in kept], dtype=np.int64),
        crops,
    )
    sources = [each.source for each in descriptions if isinstance(each, Exemplar)]
    return Grounding(found, best, tuple(sources[place] for _, place in kept))


def _scaled(
    image: UInt8[np.ndarray, "H W 3"], region: Region, scale: float
) -> tuple[UInt8[np.ndarray, "H W 3"], Region]:
    """The image reduced on a plain ground, or enlarged about the region, at its own size.

    The region is empty where it does not lie wholly in the enlarged image.
    """
    if scale == 1:
        return image, region
    height, width = region.shape
    box = tight_box(region)
    centre = ((box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2)
    if scale < 1:
        centre = (width / 2, height / 2)
    # Enlarged, the region's surroundings fill the image as far as there is image.
    left = _kept_inside(centre[0] - width / scale / 2, width, scale)
    top = _kept_inside(centre[1] - height / scale / 2, height, scale)
    if scale > 1 and not _within(box, (left, top, width / scale, height / scale)):
        return image, np.zeros_like(region)
    matrix = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    plain = [float(v) for v in image.reshape(-1, 3).mean(axis=0)]
    smooth = cv2.GaussianBlur(image, (0, 0), 0.5 / scale) if scale < 1 else image
    moved = cv2.warpAffine(smooth, matrix, (width, height), borderValue=plain)
    share = cv2.warpAffine(region.astype(np.float32), matrix, (width, height))
    return np.asarray(moved, dtype=np.uint8), np.asarray(share > 0.5, dtype=bool)


def _kept_inside(start: float, side: int, scale: float) -> float:
    """Where the window of an enlarged image begins, moved into the image."""
    return min(max(start, 0.0), side - side / scale) if scale > 1 else start


def _within(box: Box, window: tuple[float, float, float, float]) -> bool:
    left, top, width, height = window
    return (
        box.x1 >= left and box.y1 >= top and box.x2 <= left + width and box.y2 <= top + height
    )


def _parts(mask: Region) -> list[Region]:
    """The connected parts, largest first, at most `_MOST_PARTS` and none that is a mere
    speck.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[:, cv2.CC_STAT_AREA]
    large = [k for k in range(1, count) if areas[k] >= _LEAST_SHARE * mask.size]
    large.sort(key=lambda k: -int(areas[k]))
    return [np.asarray(labels == k, dtype=bool) for k in large[:_MOST_PARTS]]


def _enlarged(logits: Float[Tensor, "h w"], shape: Sequence[int]) -> Region:
    """The mask at the size of an image (bilinear on the logits, then > 0)."""
    big = cv2.resize(logits.float().cpu().numpy(), (shape[1], shape[0]))
    return np.asarray(big > 0, dtype=bool)
