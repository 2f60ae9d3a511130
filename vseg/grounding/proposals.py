"""A detector's proposals -> detections.

Enters: Proposals: boxes, with their scores for all phrases.  Leaves: Grounding: every box
under the phrase of its best score, best first, without those below the phrase's threshold and
without duplicates.
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


@dataclass(frozen=True, slots=True)
class Proposals:
    """A detector's output for P phrases, from the phrase at `first` on, on one image.

    boxes: x1 y1 x2 y2 in pixels of the image, also outside it.  scores: in [0, 1], of every
    box for every phrase.  maps: of cells, or None; a pixel belongs to the object where its
    map, interpolated, is above `level`: the published post-processing of some networks
    interpolates probabilities, and of others logits.
    """

    first: int
    boxes: Float64[np.ndarray, "N 4"]
    scores: Float64[np.ndarray, "N P"]
    maps: Float[Tensor, "N h w"] | None = None
    level: float = 0.5


@dataclass(frozen=True, slots=True)
class DetectionRules:
    """Which proposals are detections.  threshold: where a phrase names none.  overlap: IoU of
    duplicates of one phrase.
    """

    threshold: float
    overlap: float = 1.0


def choose(
    proposals: Proposals, texts: Sequence[Text], rules: DetectionRules, hw: tuple[int, int]
) -> Detections:
    """The detections of one batch of phrases on an image of height and width `hw`.

    A box has one phrase: the best of those whose threshold it reaches.  Boxes are cut to the
    image; one outside it, or whose mask is empty, is none.
    """
    queries = texts[proposals.first : proposals.first + proposals.scores.shape[1]]
    least = np.array(
        [rules.threshold if t.threshold is None else t.threshold for t in queries]
    )
    reached = np.where(proposals.scores >= least, proposals.scores, 0.0)
    labels = reached.argmax(axis=1)
    scores = reached.max(axis=1)
    boxes = clipped(proposals.boxes, hw)
    rows = np.flatnonzero((scores > 0) & (areas(boxes) > 0))
    rows = rows[np.argsort(-scores[rows], kind="stable")]
    masks = None
    if proposals.maps is not None:
        level = proposals.level
        crops = {int(row): _mask(proposals.maps[int(row)], level, hw) for row in rows}
        rows = rows[[crops[int(row)].area > 0 for row in rows]]
    rows = rows[_distinct(boxes[rows], labels[rows], rules.overlap)]
    if proposals.maps is not None:
        masks = tuple(crops[int(row)] for row in rows)
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
    detections = Detections(
        np.concatenate([part.boxes for part in parts])[order],
        np.concatenate([part.scores for part in parts])[order],
        labels,
        None if parts[0].masks is None else tuple(masks[row] for row in order),
    )
    return Grounding(detections, best, tuple(texts[label].phrase for label in labels))


def _distinct(
    boxes: Float64[np.ndarray, "N 4"], labels: Int64[np.ndarray, " N"], overlap: float
) -> Int64[np.ndarray, " M"]:
    """The rows of the boxes that are no duplicates of a better one of the same phrase."""
    groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    kept = [group[nms(boxes[group], overlap)] for group in groups]
    return np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *kept]))


def _mask(cells: Float[Tensor, "h w"], level: float, hw: tuple[int, int]) -> MaskCrop:
    """The mask at the image's size: bilinear, cells and pixels both by their centres."""
    enlarged = cv2.resize(
        cells.float().cpu().numpy(), hw[::-1], interpolation=cv2.INTER_LINEAR
    )
    return MaskCrop.of(np.asarray(enlarged > level, dtype=bool))


def corners(boxes: Float[Tensor, "N 4"]) -> Float[Tensor, "N 4"]:
    """x1 y1 x2 y2 of boxes given by centre and size."""
    centre = boxes[:, :2].float()
    size = boxes[:, 2:].float()
    return torch.cat([centre - size / 2, centre + size / 2], dim=-1)
