"""What a detector proposes -> what of it is found.

Enters: Proposals: boxes, and how well each goes with each phrase.  Leaves: Grounding: every
box under the phrase that it goes with best, those below the phrase's threshold and doubles
left out, best first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from vseg.ops.boxes import areas, clipped, nms
from vseg.types import Detections, Grounding, MaskCrop, Text

_INSIDE = 0.5
"""A pixel belongs to a mask where its chance is above this."""


@dataclass(frozen=True, slots=True)
class Proposals:
    """What a detector says of the P phrases from place `first` on, on one image.

    boxes: x1 y1 x2 y2 in pixels of the image, also outside it.  scores: in [0, 1], of each box
    for each phrase.  chances: that a cell of the image belongs to the thing, or None.
    """

    first: int
    boxes: Float64[np.ndarray, "N 4"]
    scores: Float64[np.ndarray, "N P"]
    chances: Float[Tensor, "N h w"] | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What is found.  threshold: where a phrase names none.  overlap: of doubles of one phrase
    (IoU).
    """

    threshold: float
    overlap: float = 1.0


def choose(
    proposals: Proposals, texts: Sequence[Text], rules: Rules, hw: tuple[int, int]
) -> Detections:
    """The detections of one batch of phrases on an image of height and width `hw`.

    A box has one phrase: the best of those whose threshold it reaches.  Boxes are cut to the
    image; one outside it, or whose mask is empty, is none.
    """
    asked = texts[proposals.first : proposals.first + proposals.scores.shape[1]]
    least = np.array([rules.threshold if t.threshold is None else t.threshold for t in asked])
    reached = np.where(proposals.scores >= least, proposals.scores, 0.0)
    labels = reached.argmax(axis=1)
    scores = reached.max(axis=1)
    boxes = clipped(proposals.boxes, hw)
    rows = np.flatnonzero((scores > 0) & (areas(boxes) > 0))
    rows = rows[np.argsort(-scores[rows], kind="stable")]
    masks = None
    if proposals.chances is not None:
        drawn = {int(row): _mask(proposals.chances[int(row)], hw) for row in rows}
        rows = rows[[drawn[int(row)].area > 0 for row in rows]]
    rows = rows[_singles(boxes[rows], labels[rows], rules.overlap)]
    if proposals.chances is not None:
        masks = tuple(drawn[int(row)] for row in rows)
    return Detections(boxes[rows], scores[rows], labels[rows] + proposals.first, masks)


def joined(
    parts: Sequence[Detections], best: Float64[np.ndarray, " Q"], texts: Sequence[Text]
) -> Grounding:
    """The detections of all batches, best first."""
    order: Int64[np.ndarray, " N"] = np.argsort(
        -np.concatenate([part.scores for part in parts]), kind="stable"
    )
    labels = np.concatenate([part.labels for part in parts])[order]
    masks = [mask for part in parts for mask in part.masks or ()]
    found = Detections(
        np.concatenate([part.boxes for part in parts])[order],
        np.concatenate([part.scores for part in parts])[order],
        labels,
        None if parts[0].masks is None else tuple(masks[row] for row in order),
    )
    return Grounding(found, best, tuple(texts[label].phrase for label in labels))


def _singles(
    boxes: Float64[np.ndarray, "N 4"], labels: Int64[np.ndarray, " N"], overlap: float
) -> Int64[np.ndarray, " M"]:
    """The places of the boxes that are no doubles of a better one of the same phrase."""
    groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    kept = [group[nms(boxes[group], overlap)] for group in groups]
    return np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *kept]))


def _mask(chances: Float[Tensor, "h w"], hw: tuple[int, int]) -> MaskCrop:
    """The mask at the image's size: bilinear, cells and pixels both by their centres."""
    big = cv2.resize(chances.float().cpu().numpy(), hw[::-1], interpolation=cv2.INTER_LINEAR)
    return MaskCrop.of(np.asarray(big > _INSIDE, dtype=bool))


def corners(boxes: Float[Tensor, "N 4"]) -> Float[Tensor, "N 4"]:
    """x1 y1 x2 y2 of boxes given by centre and size."""
    centre = boxes[:, :2].float()
    size = boxes[:, 2:].float()
    return torch.cat([centre - size / 2, centre + size / 2], dim=-1)
