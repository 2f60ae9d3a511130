"""How well a head finds words in images whose things are all marked: precision, recall, AP50.

Enters: what was found and what is there, image by image.  Leaves: a curve for each word.
Matching is greedy by score at IoU 0.5; AP is the area below the precision made monotone
(Everingham et al. 2010, all points).  Things with a side below 8 pixels, at 256 pixels short
side, are neither hits nor misses.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float64

from vseg.models.nano.model import Nano
from vseg.models.nano.text_head.boxes import Candidates, see
from vseg.models.nano.text_head.head import WordHead
from vseg.ops.boxes import box_iou
from vseg.training.text_head.named_images import NamedImage
from vseg.types import Frame

_SAME = 0.5
_MIN_SIDE = 8


@dataclass(frozen=True, slots=True)
class Curve:
    """scores: of everything found, best first.  hits: whether it is there.  total: things that
    are there.
    """

    scores: Float64[np.ndarray, " N"]
    hits: Bool[np.ndarray, " N"]
    total: int

    def at(self, threshold: float) -> tuple[float, float]:
        """(precision, recall) of what scores `threshold` or more; precision 1 where nothing
        does.
        """
        taken = self.hits[self.scores >= threshold]
        return float(taken.mean()) if len(taken) else 1.0, taken.sum() / max(1, self.total)

    @property
    def average_precision(self) -> float:
        """AP50 in [0, 1]."""
        found = np.cumsum(self.hits)
        precision = found / np.arange(1, len(found) + 1)
        monotone = np.maximum.accumulate(precision[::-1])[::-1]
        return float((monotone * self.hits).sum() / max(1, self.total))

    @property
    def best_threshold(self) -> float:
        """The threshold of the best F1; 0.5 where nothing was found."""
        if not len(self.hits):
            return 0.5
        found = np.cumsum(self.hits)
        f1 = 2 * found / (np.arange(1, len(found) + 1) + self.total)
        return float(self.scores[int(f1.argmax())])


def curves(
    nano: Nano, head: WordHead, images: Sequence[NamedImage], words: Sequence[str]
) -> dict[str, Curve]:
    """One curve for each word, over images whose every thing is marked."""
    rows: dict[str, list[Curve]] = {word: [] for word in words}
    for index, image in enumerate(images):
        seen = see(nano, head, Frame(index, None, 0.0, image.image))
        for word in words:
            rows[word].append(matched(seen.of(word), *_truth(image, word)))
    return {word: pooled(each) for word, each in rows.items()}


def pooled(parts: Sequence[Curve]) -> Curve:
    """Several curves as one."""
    scores = np.concatenate([part.scores for part in parts])
    hits = np.concatenate([part.hits for part in parts])
    order = np.argsort(-scores, kind="stable")
    return Curve(scores[order], hits[order], sum(part.total for part in parts))


def _truth(
    image: NamedImage, word: str
) -> tuple[Float64[np.ndarray, "M 4"], Bool[np.ndarray, " M"]]:
    """The boxes of a word's things, and which of them count."""
    boxes = []
    for which, kind in image.words.items():
        if word in kind:
            x, y, w, h = cv2.boundingRect((image.ids == which).astype(np.uint8))
            boxes.append((x, y, x + w, y + h))
    corners = np.array(boxes, np.float64).reshape(-1, 4)
    sides = (corners[:, 2:] - corners[:, :2]).min(axis=1)
    return corners, np.asarray(sides >= _MIN_SIDE, dtype=bool)


def matched(
    found: Candidates, boxes: Float64[np.ndarray, "M 4"], counts: Bool[np.ndarray, " M"]
) -> Curve:
    """The curve of one word on one image.  counts: which things are hits; the others are
    passed over.
    """
    free = np.ones(len(boxes), dtype=bool)
    kept = []
    hits = []
    for box, score in zip(found.boxes, found.scores, strict=True):
        shared = np.where(free, box_iou(box[None], boxes)[0], 0.0)
        best = int(shared.argmax()) if len(shared) else -1
        hit = best >= 0 and shared[best] >= _SAME
        if hit:
            free[best] = False
        if not hit or counts[best]:
            kept.append(score)
            hits.append(hit)
    return Curve(np.array(kept, np.float64), np.array(hits, bool), int(counts.sum()))
