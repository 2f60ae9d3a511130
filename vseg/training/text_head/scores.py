"""How well a head detects words in wholly marked images: precision, recall, AP50.

Enters: detections and true boxes, image by image.  Leaves: a precision-recall curve per word.
Matching is greedy by score at IoU 0.5; AP is the area below the precision made monotone
(Everingham et al. 2010, all points).  Objects with a side below 8 pixels, at 256 pixels short
side, are neither hits nor misses.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from vseg.models.nano.model import Nano
from vseg.models.nano.text_head.head import WordHead
from vseg.models.nano.text_head.head_boxes import Candidates, detect_words
from vseg.ops.boxes import box_iou
from vseg.ops.masks import mask_box
from vseg.training.text_head.named_images import NamedImage
from vseg.types import Frame

_MATCH_IOU = 0.5  # as in PASCAL VOC
_MIN_SIDE = 8  # pixels; a round value


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """scores: of all detections, best first.  hits: whether they are right.  total: how many
    objects there are.
    """

    scores: Float64[np.ndarray, " N"]
    hits: Bool[np.ndarray, " N"]
    total: int

    def at(self, threshold: float) -> tuple[float, float]:
        """(precision, recall) of detections that score `threshold` or more; precision 1 where
        none does.
        """
        taken = self.hits[self.scores >= threshold]
        return float(taken.mean()) if len(taken) else 1.0, taken.sum() / max(1, self.total)

    @property
    def average_precision(self) -> float:
        """AP50 in [0, 1]."""
        hits = np.cumsum(self.hits)
        precision = hits / np.arange(1, len(hits) + 1)
        monotone = np.maximum.accumulate(precision[::-1])[::-1]
        return float((monotone * self.hits).sum() / max(1, self.total))

    @property
    def best_threshold(self) -> float:
        """The threshold of the best F1; 0.5 where there are no detections."""
        if not len(self.hits):
            return 0.5
        hits = np.cumsum(self.hits)
        f1 = 2 * hits / (np.arange(1, len(hits) + 1) + self.total)
        return float(self.scores[int(f1.argmax())])


def precision_recall(
    nano: Nano, head: WordHead, images: Sequence[NamedImage], words: Sequence[str]
) -> dict[str, PrecisionRecall]:
    """The curve of every word, over wholly marked images."""
    rows: dict[str, list[PrecisionRecall]] = {word: [] for word in words}
    for index, image in enumerate(images):
        seen = detect_words(nano, head, Frame(index, None, 0.0, image.image))
        for word in words:
            rows[word].append(matched(seen.of(word), *_truth(image, word)))
    return {word: pooled(parts) for word, parts in rows.items()}


def pooled(parts: Sequence[PrecisionRecall]) -> PrecisionRecall:
    """Several precision_recall as one."""
    scores = np.concatenate([part.scores for part in parts])
    hits = np.concatenate([part.hits for part in parts])
    order = np.argsort(-scores, kind="stable")
    return PrecisionRecall(scores[order], hits[order], sum(part.total for part in parts))


def _truth(
    image: NamedImage, word: str
) -> tuple[Float64[np.ndarray, "M 4"], Bool[np.ndarray, " M"]]:
    """The boxes of a word's objects, and which of them count."""
    boxes = []
    for object_id, kind in image.words.items():
        if word in kind:
            boxes.append(mask_box(image.ids == object_id))
    corners = np.array(boxes, np.float64).reshape(-1, 4)
    sides = (corners[:, 2:] - corners[:, :2]).min(axis=1)
    return corners, np.asarray(sides >= _MIN_SIDE, dtype=bool)


def matched(
    detections: Candidates, boxes: Float64[np.ndarray, "M 4"], counts: Bool[np.ndarray, " M"]
) -> PrecisionRecall:
    """The curve of one word on one image.  counts: which objects count as hits; a detection of
    another is left out.
    """
    free = np.ones(len(boxes), dtype=bool)
    kept = []
    hits = []
    for box, score in zip(detections.boxes, detections.scores, strict=True):
        ious = np.where(free, box_iou(box[None], boxes)[0], 0.0)
        best = int(ious.argmax()) if len(ious) else -1
        hit = best >= 0 and ious[best] >= _MATCH_IOU
        if hit:
            free[best] = False
        if not hit or counts[best]:
            kept.append(score)
            hits.append(hit)
    return PrecisionRecall(np.array(kept, np.float64), np.array(hits, bool), int(counts.sum()))
