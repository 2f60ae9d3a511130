"""One frame as the word head sees it: what may be meant by a noun, and the masks of that.

Enters: a frame, nano's features of it, the head's boxes, perhaps its motion.  Leaves: boxes
with scores, best first, and a mask for each, drawn once however many phrases ask for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, Int64

from vseg.grounding.box_masks import box_masks
from vseg.grounding.motion import Motion, moving_boxes, moving_shares
from vseg.grounding.narrowing import fitting, meant
from vseg.grounding.vocabulary import THING, WordQuery
from vseg.models.nano.model import Nano
from vseg.models.nano.text_head.boxes import Candidates, HeadBoxes
from vseg.ops.boxes import clipped
from vseg.ops.masks import mask_nms
from vseg.tensors import Features
from vseg.types import Detections, Frame, MaskCrop

_SAME_MASK = 0.7  # IoU
_COARSE = 120  # rows, or columns, of the masks as they are compared
_MOST = 60  # things of one phrase that get a mask
_MOST_BELOW = (
    20  # things below the threshold that get a mask, where only that tells what is meant
)


@dataclass(slots=True)
class FrameCandidates:
    """One frame, looked at for all phrases of a call."""

    frame: Frame
    nano: Nano
    features: Features
    head: HeadBoxes
    motion: Motion | None
    _drawn: dict[tuple[float, ...], MaskCrop] = field(default_factory=dict)

    def candidates(self, query: WordQuery) -> Candidates:
        """What goes by the query's noun; of moving objects, what moves against the camera."""
        if query.noun != THING or query.motion != "moving":
            return self.head.of(query.noun)
        if self.motion is None:
            return Candidates(np.zeros((0, 4)), np.zeros(0))
        boxes = clipped(moving_boxes(self.motion), self.features.video_hw)
        shares = moving_shares(self.motion, self.masks(boxes))
        order = np.argsort(-shares, kind="stable")
        return Candidates(boxes[order], shares[order])

    def masks(self, boxes: Float64[np.ndarray, "N 4"]) -> list[MaskCrop]:
        """The mask in each box."""
        keys = [tuple(box) for box in boxes.tolist()]
        new = [key for key in dict.fromkeys(keys) if key not in self._drawn]
        masks = box_masks(self.nano, self.features, np.array(new, np.float64).reshape(-1, 4))
        self._drawn.update(zip(new, masks, strict=True))
        return [self._drawn[key] for key in keys]


def answer(look: FrameCandidates, query: WordQuery, least: float) -> tuple[Detections, float]:
    """What one query means, labelled 0, and the best score of what has all that it asks
    for.
    """
    candidates = look.candidates(query)
    best = float(candidates.scores.max(initial=0))
    candidates = _worth_drawing(candidates, query, least)
    drawn = look.masks(candidates.boxes)
    seen = _singles(drawn, candidates.scores, look.features.video_hw)
    crops = [drawn[k] for k in seen]
    boxes = candidates.boxes[seen]
    scores = candidates.scores[seen]
    fits = fitting(query, crops, look.frame.image, look.motion)
    if query.narrowed:
        best = float(scores[fits].max(initial=0))
    rows = np.flatnonzero(fits & (scores >= least))
    rows = rows[
        meant(query, [crops[row] for row in rows], scores[rows], look.features.video_hw)
    ]
    masks = tuple(crops[row] for row in rows)
    return Detections(boxes[rows], scores[rows], np.zeros(len(rows), np.int64), masks), best


def _worth_drawing(candidates: Candidates, query: WordQuery, least: float) -> Candidates:
    """Those that reach the threshold; some below it too where only the mask tells what is
    meant.
    """
    count = int((candidates.scores >= least).sum())
    if query.narrowed:
        count = max(count, _MOST_BELOW)
    count = min(count, _MOST)
    return Candidates(candidates.boxes[:count], candidates.scores[:count])


def _singles(
    crops: Sequence[MaskCrop], scores: Float64[np.ndarray, " N"], hw: tuple[int, int]
) -> Int64[np.ndarray, " M"]:
    """The masks that are not empty and no doubles of a better one, best first.

    Two boxes of one thing may differ while its mask is the same.
    """
    some = [k for k, crop in enumerate(crops) if crop.area]
    if not some:
        return np.zeros(0, np.int64)
    step = max(1, min(hw) // _COARSE)
    coarse = np.stack([crops[k].paste(*hw)[::step, ::step] for k in some])
    rows = mask_nms(coarse, scores[some].astype(np.float32), _SAME_MASK, len(some))
    return np.asarray(np.array(some, np.int64)[rows])
