"""F: how well the contour of one mask follows that of another, by the rule of a protocol.

Enters: two masks of one frame, cut to where they are.  Leaves: a number in [0, 1].  A contour
pixel is right if the other contour passes within a disk around it.  Sources: Perazzi et al.,
CVPR 2016, section 4, with the contour map of Martin et al., PAMI 2004; the size-adaptive
disk of Ding et al., arXiv 2508.05630.  What differs is the work, not the value: contours are
dilated packed into the bits of one long integer, where one shift moves a whole image.
"""

import math
from functools import lru_cache

import numpy as np
from jaxtyping import Bool

from vseg.metrics.protocols import ContourRule

BOUNDARY_TOLERANCE = 0.008
"""Share of the image diagonal within which contours agree: the DAVIS toolkit's."""
SIZE_TOLERANCE = 0.1
"""Share of the square root of an object's area within which contours agree: MOSEv2's."""

_DISKS_KEPT = 64  # one for each size of object in a clip, and then some


def contour_f(
    pred: Bool[np.ndarray, "h w"],
    truth: Bool[np.ndarray, "h w"],
    image_hw: tuple[int, ...],
    rule: ContourRule = "davis",
) -> float:
    """Harmonic mean of contour precision and recall, 1 when neither mask has a contour.

    Both masks are cut to one box, outside which they are empty or the image ends.
    """
    if pred.size == 0:
        return 1.0
    radius_px = _radius_px(truth, image_hw, rule)
    disk = _disk(radius_px)
    gap_px = math.ceil(radius_px)
    edge_of = _inner_contour if rule == "vot" else _contour
    pred_edge = _packed(edge_of(pred), gap_px)
    truth_edge = _packed(edge_of(truth), gap_px)
    num_pred = pred_edge.bit_count()
    num_truth = truth_edge.bit_count()
    if num_pred == 0 or num_truth == 0:
        return 1.0 if num_pred == num_truth else 0.0
    # A packed row is longer than the crop by the gap that `_packed` leaves.
    stride = pred.shape[1] + gap_px
    precision = (pred_edge & _dilated(truth_edge, stride, disk)).bit_count() / num_pred
    recall = (truth_edge & _dilated(pred_edge, stride, disk)).bit_count() / num_truth
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _radius_px(
    truth: Bool[np.ndarray, "h w"], image_hw: tuple[int, ...], rule: ContourRule
) -> float:
    # As the evaluators compute it, so that it rounds as theirs does.
    of_image = BOUNDARY_TOLERANCE * float(np.linalg.norm(image_hw))
    if rule != "mose":
        return float(math.ceil(of_image))
    area = np.count_nonzero(truth)
    # MOSE's evaluator rounds up the size's share only: of a large object, the radius is the
    # image's share as it is.
    if not area:
        return of_image
    return min(of_image, float(math.ceil(SIZE_TOLERANCE * math.sqrt(area))))


def _contour(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """One-pixel contour: a pixel that differs from its right, lower or lower-right neighbour.

    Beyond the last row and column nothing differs, so a mask that fills the image has no
    contour.
    """
    edge = np.zeros(mask.shape, dtype=bool)
    here = mask[:-1, :-1]
    right = mask[:-1, 1:]
    below = mask[1:, :-1]
    diagonal = mask[1:, 1:]
    edge[:-1, :-1] = (here ^ right) | (here ^ below) | (here ^ diagonal)
    edge[-1, :-1] = mask[-1, :-1] ^ mask[-1, 1:]
    edge[:-1, -1] = mask[:-1, -1] ^ mask[1:, -1]
    return edge


def _inner_contour(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The pixels of the mask with one of their eight neighbours outside it; beyond the image
    there is no outside.
    """
    padded = np.pad(mask, 1, constant_values=True)
    rows = padded[:-2] & padded[1:-1] & padded[2:]
    return np.asarray(mask & ~(rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]))


def _packed(edge: Bool[np.ndarray, "h w"], gap_px: int) -> int:
    """All rows as the bits of one integer; `gap_px` zeros after a row keep shifts apart."""
    padded = np.pad(edge, ((0, 0), (0, gap_px)))
    return int.from_bytes(np.packbits(padded).tobytes(), "big") >> (-padded.size % 8)


@lru_cache(_DISKS_KEPT)
def _disk(radius_px: float) -> tuple[tuple[int, int, int], ...]:
    """The disk as rows (dy, first dx, last dx), the shortest first.

    Its grid begins at -radius, as in scikit-image, which the evaluators use: of a radius that
    is no whole number, the middle lies between pixels.
    """
    steps = np.arange(-radius_px, radius_px + 1)
    inside = steps[None] ** 2 + steps[:, None] ** 2 <= radius_px**2
    middle = len(steps) // 2
    rows = []
    for dy, row in enumerate(inside):
        columns = np.flatnonzero(row)
        if columns.size:
            rows.append((dy - middle, int(columns[0]) - middle, int(columns[-1]) - middle))
    return tuple(sorted(rows, key=lambda row: row[2] - row[1]))


def _dilated(edge: int, stride: int, disk: tuple[tuple[int, int, int], ...]) -> int:
    """The packed contour dilated by the disk: a pixel is set if the contour passes through
    the disk around it.

    The rows of a disk only grow from its ends to its middle, so every sideways spread is built
    from the one before, then shifted dy rows.  Bits outside the crop are cut off by the
    caller's `&`.
    """
    # A higher bit is a pixel further left or up.
    spread = 0
    left = 1
    right = 0
    dilated = 0
    for dy, first, last in disk:
        if left > right:
            left = first
            right = first - 1
        for dx in (*range(first, left), *range(right + 1, last + 1)):
            spread |= edge << dx if dx >= 0 else edge >> -dx
        left = first
        right = last
        down = dy * stride
        dilated |= spread << down if down >= 0 else spread >> -down
    return dilated
