"""Where the masks of one image are, which of them are the same thing, or parts of it, and
which pieces of a mask are specks.

Enters: masks, or masks as rows, with scores.  Leaves: boxes and overlaps, or rows that are
kept, best first.

The IoU of two empty masks depends on the question.  Here two masks are two answers to one
question, and empty ones agree that nothing is there: 1, as in J (`vseg.metrics.jf`).  Things
on one frame, boxes or hypotheses, overlap or do not, and what is empty overlaps nothing: 0
(`vseg.ops.boxes.box_iou`, `vseg.session.identity.assignment.pairwise_iou`).
"""

import math

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int64

from vseg.types import MaskCrop


def mask_box(mask: Bool[np.ndarray, "H W"]) -> tuple[int, int, int, int]:
    """x1 y1 x2 y2 around the pixels of a mask, right and bottom exclusive; zeros if it is
    empty.
    """
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return x, y, x + width, y + height


def shared_pixels(masks: Bool[np.ndarray, "N H W"]) -> Float32[np.ndarray, "N N"]:
    """How many pixels each two masks share; on the diagonal, each one's area."""
    rows = masks.reshape(len(masks), masks[0].size if len(masks) else 0).astype(np.float32)
    return np.asarray(rows @ rows.T)


def mask_iou(one: Bool[np.ndarray, "H W"], other: Bool[np.ndarray, "H W"]) -> float:
    """The IoU of two masks, in [0, 1]; 1 of two empty ones."""
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else 1.0


def crop_overlap(one: MaskCrop, other: MaskCrop) -> int:
    """The pixels that two masks have in common; nothing beside their crops is allocated."""
    x1, y1, x2, y2 = one.xyxy
    left, top, right, bottom = other.xyxy
    across = slice(max(x1, left), max(x1, left, min(x2, right)))
    down = slice(max(y1, top), max(y1, top, min(y2, bottom)))
    here = one.mask[down.start - y1 : down.stop - y1, across.start - x1 : across.stop - x1]
    there = other.mask[
        down.start - top : down.stop - top, across.start - left : across.stop - left
    ]
    return int(np.count_nonzero(here & there))


def crop_iou(one: MaskCrop, other: MaskCrop) -> float:
    """As `mask_iou`, of two masks given as crops."""
    shared = crop_overlap(one, other)
    union = one.area + other.area - shared
    return shared / union if union else 1.0


def crop_agreement(one: MaskCrop, other: MaskCrop, tolerance_px: float) -> float:
    """As `crop_iou`, but that pixels of either mask count as shared if the other one is not
    farther off than the tolerance: an outline may lie a little beside the other.
    """
    union = one.area + other.area - crop_overlap(one, other)
    if union == 0:
        return 1.0
    beyond = one.area - crop_overlap(one, _grown(other, tolerance_px))
    beyond += other.area - crop_overlap(other, _grown(one, tolerance_px))
    return 1 - beyond / union


def _grown(crop: MaskCrop, by_px: float) -> MaskCrop:
    """With all pixels not farther off; the crop may reach beyond the frame."""
    if crop.mask.size == 0:
        return crop
    room = math.ceil(by_px)
    outside = np.pad(~crop.mask, room, constant_values=True).view(np.uint8)
    near = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_3) <= by_px
    return MaskCrop(crop.x - room, crop.y - room, near)


def mask_nms(
    masks: Bool[np.ndarray, "N H W"],
    scores: Float32[np.ndarray, " N"],
    overlap: float,
    most: int,
) -> Int64[np.ndarray, " K"]:
    """At most `most` rows, best first, no two of which have an IoU above `overlap`."""
    shared = shared_pixels(masks)
    areas = np.diagonal(shared)
    iou = shared / np.maximum(areas[:, None] + areas[None] - shared, 1)
    kept: list[int] = []
    for row in np.argsort(-scores, kind="stable").tolist():
        if len(kept) == most:
            break
        if not kept or iou[row, kept].max() <= overlap:
            kept.append(row)
    return np.array(kept, dtype=np.int64)


def drop_contained(
    masks: Bool[np.ndarray, "N H W"],
    scores: Float32[np.ndarray, " N"],
    inside: float,
    trust: float,
) -> Int64[np.ndarray, " K"]:
    """The rows that are no parts, best first.

    A part lies in a larger mask with the share `inside` of its pixels, and that one's score is
    at least `trust` of its own: what is drawn vaguely around something clear is no whole.
    """
    shared = shared_pixels(masks)
    areas = np.diagonal(shared)
    kept: list[int] = []
    for row in np.argsort(-areas, kind="stable").tolist():
        around = [
            other
            for other in kept
            if shared[row, other] > inside * areas[row] and scores[other] > trust * scores[row]
        ]
        if not around:
            kept.append(row)
    return np.array(sorted(kept, key=lambda row: -scores[row]), dtype=np.int64)


def without_specks(mask: Bool[np.ndarray, "H W"], speck: float) -> Bool[np.ndarray, "H W"]:
    """The mask without pieces and holes smaller than `speck` of its largest piece."""
    areas, pieces = _pieces(mask)
    if len(areas) == 0:
        return mask
    least = speck * areas.max()
    kept = np.concatenate([[False], areas >= least])[pieces]
    areas, holes = _pieces(~kept)
    touching = np.unique(np.concatenate([holes[[0, -1]].ravel(), holes[:, [0, -1]].ravel()]))
    fill = areas < least
    fill[touching[touching > 0] - 1] = False  # what reaches the edge of the frame is no hole
    return np.asarray(kept | np.concatenate([[False], fill])[holes], dtype=bool)


def _pieces(mask: Bool[np.ndarray, "H W"]) -> tuple[np.ndarray, np.ndarray]:
    """The area of each connected piece, and the number of each pixel's piece from 1; 0
    outside.
    """
    _, labels, facts, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    return facts[1:, cv2.CC_STAT_AREA], labels
