"""The word head run on a frame: boxes in video pixels with a score for each word.

Enters: nano, a head of its encoder, a frame.  Leaves: boxes, and for one word those that are
no doubles.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from vseg.models.nano.model import Nano, model_hw
from vseg.models.nano.text_head.head import WordHead
from vseg.models.nano.text_head.network import WordMap, cell_boxes
from vseg.ops.boxes import areas, clipped, nms
from vseg.types import Frame

SHORT_SIDE = 384
"""Of the frames that the head reads, in pixels; that of nano's own features may be another."""
DOUBLES = 0.55
"""IoU of boxes of one word above which the weaker one is the same thing."""
_LEAST = 0.05
_MOST = 400
_SHORTLIST = 150


@dataclass(frozen=True, slots=True)
class Candidates:
    """What one word may mean on a frame, best first.  boxes: x1 y1 x2 y2 in video pixels."""

    boxes: Float64[np.ndarray, "N 4"]
    scores: Float64[np.ndarray, " N"]


@dataclass(frozen=True, slots=True)
class HeadBoxes:
    """What the head says of a frame.  boxes: x1 y1 x2 y2 in video pixels.  scores: of each of
    `words`.
    """

    words: tuple[str, ...]
    boxes: Float64[np.ndarray, "N 4"]
    scores: Float64[np.ndarray, "N K"]

    def of(self, word: str) -> Candidates:
        """The boxes for one word without doubles."""
        column = self.scores[:, self.words.index(word)]
        order = np.argsort(-column, kind="stable")[:_SHORTLIST]
        order = order[(column[order] >= _LEAST) & (areas(self.boxes[order]) > 0)]
        order = order[nms(self.boxes[order], DOUBLES)]
        return Candidates(self.boxes[order], column[order])


@torch.inference_mode()
def see(nano: Nano, head: WordHead, frame: Frame) -> HeadBoxes:
    """Every box whose best word scores a twentieth or more, doubles among them, cut to the
    frame.

    A score is the geometric mean of the word's chance and the IoU that the box is believed to
    have.
    """
    h, w = frame.image.shape[:2]
    seen_h, seen_w = model_hw((h, w), SHORT_SIDE)
    cells = [_cells(level) for level in head.net(*nano.pyramid(frame, SHORT_SIDE))]
    boxes, scores = (torch.cat(each) for each in zip(*cells, strict=True))
    best = scores.amax(dim=1)
    order = best.argsort(descending=True, stable=True)[:_MOST]
    order = order[best[order] >= _LEAST]
    scale = np.array([w / seen_w, h / seen_h] * 2)
    return HeadBoxes(
        head.words,
        clipped(boxes[order].double().cpu().numpy() * scale, (h, w)),
        scores[order].double().cpu().numpy(),
    )


def _cells(level: WordMap) -> tuple[Tensor, Tensor]:
    """Boxes and scores of one stride, a row for each cell."""
    chance = level.words[0].sigmoid() * level.quality[0].sigmoid()
    boxes = cell_boxes(level.distances, level.stride)[0]
    return boxes.flatten(1).T, chance.sqrt().flatten(1).T
