"""What may be meant by a noun on one frame, and the masks of that.

Enters: an encoded frame, the word head's boxes, perhaps the motion.  Leaves: boxes with
scores, best first, and a mask for each, decoded once however many phrases ask for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, Int64

from vseg.grounding.box_masks import box_masks
from vseg.grounding.frame_motion import FrameMotion, moving_boxes, moving_shares
from vseg.grounding.narrowing import fitting, meant
from vseg.grounding.vocabulary import ANY_OBJECT, WordQuery
from vseg.models.nano.text_head.head_boxes import Candidates, HeadBoxes
from vseg.ops.boxes import clipped
from vseg.ops.masks import mask_nms
from vseg.session.encoded_image import EncodedImage
from vseg.session.image_predictor import ImagePredictor
from vseg.types import Detections, MaskCrop

_SAME_MASK = 0.7
"""IoU above which two masks are of one object; a round value, not tuned."""
_COARSE = 120
"""Rows, or columns, of the masks as they are compared: enough to tell objects apart."""
_MOST = 60
"""Candidates of one phrase whose masks are decoded, to bound the time of a frame."""
_MOST_BELOW = 20
"""The same of those below the threshold, where only the mask tells what is meant."""


@dataclass(slots=True)
class FrameCandidates:
    """The candidates of one frame, for all phrases of a call.

    detected: what the word head detects there.  motion: None where no phrase asks for it, or
    there is no adjacent frame.
    """

    predictor: ImagePredictor
    image: EncodedImage
    detected: HeadBoxes
    motion: FrameMotion | None
    _masks: dict[tuple[float, ...], MaskCrop] = field(default_factory=dict)

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width of the frame."""
        return self.image.features.video_hw

    def candidates(self, query: WordQuery) -> Candidates:
        """What goes by the query's noun; of moving objects, what moves against the camera."""
        if query.noun != ANY_OBJECT or query.motion != "moving":
            return self.detected.of(query.noun)
        if self.motion is None:
            return Candidates(np.zeros((0, 4)), np.zeros(0))
        boxes = clipped(moving_boxes(self.motion), self.hw)
        shares = moving_shares(self.motion, self.masks(boxes))
        order = np.argsort(-shares, kind="stable")
        return Candidates(boxes[order], shares[order])

    def masks(self, boxes: Float64[np.ndarray, "N 4"]) -> list[MaskCrop]:
        """The mask in each box."""
        keys = [tuple(box) for box in boxes.tolist()]
        new = [key for key in dict.fromkeys(keys) if key not in self._masks]
        masks = box_masks(self.predictor, self.image, np.array(new, np.float64).reshape(-1, 4))
        self._masks.update(zip(new, masks, strict=True))
        return [self._masks[key] for key in keys]


def resolve_query(
    frame: FrameCandidates, query: WordQuery, least: float
) -> tuple[Detections, float]:
    """What one query means, labelled 0, and the best score of what has all that it asks
    for.
    """
    candidates = frame.candidates(query)
    best = float(candidates.scores.max(initial=0))
    candidates = _worth_decoding(candidates, query, least)
    masks = frame.masks(candidates.boxes)
    distinct = _distinct(masks, candidates.scores, frame.hw)
    crops = [masks[k] for k in distinct]
    boxes = candidates.boxes[distinct]
    scores = candidates.scores[distinct]
    fits = fitting(query, crops, frame.image.frame.image, frame.motion)
    if query.narrowed:
        best = float(scores[fits].max(initial=0))
    rows = np.flatnonzero(fits & (scores >= least))
    rows = rows[meant(query, [crops[row] for row in rows], scores[rows], frame.hw)]
    chosen = tuple(crops[row] for row in rows)
    return Detections(boxes[rows], scores[rows], np.zeros(len(rows), np.int64), chosen), best


def _worth_decoding(candidates: Candidates, query: WordQuery, least: float) -> Candidates:
    """Those that reach the threshold; some below it too where only the mask tells what is
    meant.
    """
    count = int((candidates.scores >= least).sum())
    if query.narrowed:
        count = max(count, _MOST_BELOW)
    count = min(count, _MOST)
    return Candidates(candidates.boxes[:count], candidates.scores[:count])


def _distinct(
    crops: Sequence[MaskCrop], scores: Float64[np.ndarray, " N"], hw: tuple[int, int]
) -> Int64[np.ndarray, " M"]:
    """The masks that are not empty and no duplicates of a better one, best first.

    Two boxes of one object may differ while its mask is the same.
    """
    some = [k for k, crop in enumerate(crops) if crop.area]
    if not some:
        return np.zeros(0, np.int64)
    step = max(1, min(hw) // _COARSE)
    coarse = np.stack([crops[k].paste(*hw)[::step, ::step] for k in some])
    rows = mask_nms(coarse, scores[some].astype(np.float32), _SAME_MASK, len(some))
    return np.asarray(np.array(some, np.int64)[rows])
