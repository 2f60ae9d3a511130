"""The word head run on a frame: boxes in video pixels with a score for each word.

Enters: nano, a head of its encoder, a frame.  Leaves: boxes; for one word without duplicates.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from vseg.models.nano.frame_size import model_hw
from vseg.models.nano.model import Nano
from vseg.models.nano.text_head.head import WordHead
from vseg.models.nano.text_head.network import WordMap, cell_boxes
from vseg.ops.boxes import areas, clipped, nms
from vseg.tensors import Features
from vseg.types import Frame

SHORT_SIDE = 384
"""Of the frames that the head reads, in pixels; that of nano's own features may be another."""
DUPLICATE_IOU = 0.55
"""IoU of boxes of one word above which the weaker one is of the same object."""
_LEAST = 0.05
"""Least score of a box that is kept: far below any threshold that is of use."""
_MOST = 400
_SHORTLIST = 150
"""Boxes kept of a frame, and of them for one word: bounds the time of suppression."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes that one word may mean, best first: x1 y1 x2 y2 in video pixels."""

    boxes: Float64[np.ndarray, "N 4"]
    scores: Float64[np.ndarray, " N"]


@dataclass(frozen=True, slots=True)
class HeadBoxes:
    """The head's boxes on a frame, x1 y1 x2 y2 in video pixels, with a score for each of
    `words`.
    """

    words: tuple[str, ...]
    boxes: Float64[np.ndarray, "N 4"]
    scores: Float64[np.ndarray, "N K"]

    def of(self, word: str) -> Candidates:
        """The boxes for one word without duplicates."""
        column = self.scores[:, self.words.index(word)]
        order = np.argsort(-column, kind="stable")[:_SHORTLIST]
        order = order[(column[order] >= _LEAST) & (areas(self.boxes[order]) > 0)]
        order = order[nms(self.boxes[order], DUPLICATE_IOU)]
        return Candidates(self.boxes[order], column[order])


@torch.inference_mode()
def detect_words(
    nano: Nano, head: WordHead, frame: Frame, features: Features | None = None
) -> HeadBoxes:
    """Every box whose best word scores a twentieth or more, duplicates among them, cut to the
    frame.

    A score is the geometric mean of the word's probability and the predicted IoU of the box.
    features: nano's own of the frame, if it was encoded already.
    """
    h, w = frame.hw
    input_h, input_w = model_hw((h, w), SHORT_SIDE)
    maps = head.net(*nano.pyramid(frame, SHORT_SIDE, features))
    cells = [_cells(level) for level in maps]
    boxes = torch.cat([of_level for of_level, _ in cells])
    scores = torch.cat([of_level for _, of_level in cells])
    best = scores.amax(dim=1)
    order = best.argsort(descending=True, stable=True)[:_MOST]
    order = order[best[order] >= _LEAST]
    scale = np.array([w / input_w, h / input_h] * 2)
    return HeadBoxes(
        head.words,
        clipped(boxes[order].double().cpu().numpy() * scale, (h, w)),
        scores[order].double().cpu().numpy(),
    )


def _cells(level: WordMap) -> tuple[Tensor, Tensor]:
    """Boxes and scores of one stride, one row per cell."""
    product = level.words[0].sigmoid() * level.quality[0].sigmoid()
    boxes = cell_boxes(level.distances, level.stride)[0]
    return boxes.flatten(1).T, product.sqrt().flatten(1).T
