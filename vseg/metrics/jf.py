"""J and F of one mask against another, as DAVIS defines them.

Enters: two masks of one frame.  Leaves: two numbers in [0, 1].  Source: Perazzi et al., "A
Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016, section
4; the contour map is Martin et al., PAMI 2004.  What differs is the work, not the value: both
masks are cut to their common bounding box, and contours are dilated packed into the bits of
one long integer, where one shift moves a whole image.
"""

import math

import numpy as np
from jaxtyping import Bool

from vseg.errors import BadDataset

BOUNDARY_TOLERANCE = 0.008
"""Share of the image diagonal within which contours agree: the DAVIS toolkit's."""


def region_similarity(
    pred: Bool[np.ndarray, "h w"],
    truth: Bool[np.ndarray, "H W"],
    void: Bool[np.ndarray, "H W"] | None = None,
) -> float:
    """J: intersection over union, 1 when both masks are empty.

    Predicted pixels under `void` do not count.  Raises BadDataset when the sizes differ.
    """
    cut_pred, cut_truth = _common_crop(pred, truth, void)
    return _iou(cut_pred, cut_truth)


def boundary_accuracy(
    pred: Bool[np.ndarray, "h w"],
    truth: Bool[np.ndarray, "H W"],
    void: Bool[np.ndarray, "H W"] | None = None,
) -> float:
    """F: harmonic mean of contour precision and recall, 1 when neither mask has a contour.

    A contour pixel is right if the other contour passes within ceil(0.008 x diagonal) pixels.
    Predicted pixels under `void` do not count.  Raises BadDataset when the sizes differ.
    """
    cut_pred, cut_truth = _common_crop(pred, truth, void)
    return _contour_f(cut_pred, cut_truth, _tolerance_px(truth.shape))


def score_frame(
    pred: Bool[np.ndarray, "h w"],
    truth: Bool[np.ndarray, "H W"],
    void: Bool[np.ndarray, "H W"] | None = None,
) -> tuple[float, float]:
    """J and F of one frame, with one search of the bounding box."""
    cut_pred, cut_truth = _common_crop(pred, truth, void)
    return _iou(cut_pred, cut_truth), _contour_f(
        cut_pred, cut_truth, _tolerance_px(truth.shape)
    )


def _tolerance_px(shape: tuple[int, ...]) -> int:
    return math.ceil(BOUNDARY_TOLERANCE * math.hypot(shape[0], shape[1]))


def _common_crop(
    pred: Bool[np.ndarray, "h w"],
    truth: Bool[np.ndarray, "H W"],
    void: Bool[np.ndarray, "H W"] | None,
) -> tuple[Bool[np.ndarray, "ch cw"], Bool[np.ndarray, "ch cw"]]:
    """Both masks cut to the bounding box of their union, one pixel wider on every side.

    The contour lies at most one pixel outside a mask (above and to the left), and the crop's
    last row and column follow the image-border rule, so they must be empty or be the image's
    own border.
    """
    if pred.shape != truth.shape:
        raise BadDataset(
            f"the predicted mask is {pred.shape[1]}x{pred.shape[0]} "
            f"but the true one is {truth.shape[1]}x{truth.shape[0]}"
        )
    # Only the prediction is cut: the truth has no object where it is void.
    if void is not None:
        pred = pred & ~void
    # Outside the union both masks are empty: nothing there counts for J or F.
    rows = np.flatnonzero(pred.any(axis=1) | truth.any(axis=1))
    if rows.size == 0:
        return pred[:0, :0], truth[:0, :0]
    top = max(int(rows[0]) - 1, 0)
    bottom = int(rows[-1]) + 2
    columns = np.flatnonzero(pred[top:bottom].any(axis=0) | truth[top:bottom].any(axis=0))
    left = max(int(columns[0]) - 1, 0)
    right = int(columns[-1]) + 2
    return pred[top:bottom, left:right], truth[top:bottom, left:right]


def _iou(pred: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"]) -> float:
    union = np.count_nonzero(pred | truth)
    return float(np.count_nonzero(pred & truth) / union) if union else 1.0


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


def _contour_f(
    pred: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"], tolerance_px: int
) -> float:
    if pred.size == 0:
        return 1.0
    pred_edge = _packed(_contour(pred), tolerance_px)
    truth_edge = _packed(_contour(truth), tolerance_px)
    num_pred = pred_edge.bit_count()
    num_truth = truth_edge.bit_count()
    if num_pred == 0 or num_truth == 0:
        return 1.0 if num_pred == num_truth else 0.0
    # A packed row is longer than the crop by the gap that `_packed` leaves.
    stride = pred.shape[1] + tolerance_px
    precision = (pred_edge & _dilated(truth_edge, stride, tolerance_px)).bit_count() / num_pred
    recall = (truth_edge & _dilated(pred_edge, stride, tolerance_px)).bit_count() / num_truth
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _packed(edge: Bool[np.ndarray, "h w"], gap_px: int) -> int:
    """All rows as the bits of one integer; `gap_px` zeros after a row keep shifts apart."""
    padded = np.pad(edge, ((0, 0), (0, gap_px)))
    return int.from_bytes(np.packbits(padded).tobytes(), "big") >> (-padded.size % 8)


def _dilated(edge: int, stride: int, radius_px: int) -> int:
    """The packed contour dilated by the disk x^2 + y^2 <= r^2.

    Row dy of the disk is a run of 2 w + 1 pixels: spread the contour sideways by w, then
    shift it dy rows up and down.  From the disk's top row to its middle the runs only grow, so
    every spread is built from the one before.  Bits above the first row are cut off by the
    caller's `&`.
    """
    spread = edge
    half_width = 0
    dilated = 0
    # From the disk's top row, its shortest, to the middle.
    for dy in range(radius_px, -1, -1):
        for shift in range(half_width + 1, math.isqrt(radius_px**2 - dy**2) + 1):
            spread |= edge << shift | edge >> shift
            half_width = shift
        dilated |= spread << dy * stride | spread >> dy * stride
    return dilated
