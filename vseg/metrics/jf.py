"""J and F of one mask against another, as DAVIS defines them or as another protocol does.

Enters: two masks of one frame.  Leaves: two numbers in [0, 1].  Source: Perazzi et al., "A
Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016, section
4.  What differs is the work, not the value: both masks are cut to their common bounding box.
"""

import numpy as np
from jaxtyping import Bool

from vseg.errors import BadDataset
from vseg.metrics.contours import contour_f
from vseg.metrics.protocols import DAVIS17, Protocol


def score_frame(
    pred: Bool[np.ndarray, "h w"],
    truth: Bool[np.ndarray, "H W"],
    void: Bool[np.ndarray, "H W"] | None = None,
    protocol: Protocol = DAVIS17,
) -> tuple[float, float]:
    """J and F of one frame, in [0, 1].

    J: intersection over union, 1 where both masks are empty.  F: harmonic mean of contour
    precision and recall, 1 where neither mask has a contour; a contour pixel is right if the
    other contour passes as near as the protocol asks, in DAVIS within ceil(0.008 x diagonal)
    pixels.  Predicted pixels under `void` do not count.  Raises BadDataset where the sizes
    differ.
    """
    cut_pred, cut_truth = _common_crop(pred, truth, void)
    region = _iou(cut_pred, cut_truth, protocol.region_smoothing)
    return region, contour_f(cut_pred, cut_truth, truth.shape, protocol.contour)


def _common_crop(
    pred: Bool[np.ndarray, "h w"],
    truth: Bool[np.ndarray, "H W"],
    void: Bool[np.ndarray, "H W"] | None,
) -> tuple[Bool[np.ndarray, "ch cw"], Bool[np.ndarray, "ch cw"]]:
    """Both masks cut to the bounding box of their union, one pixel wider on every side.

    The contour lies at most one pixel outside a mask, above and to the left.  The last row and
    column of the crop are treated as the image's border is: they must be empty, or be it.
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


def _iou(
    pred: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"], smoothing: int
) -> float:
    union = np.count_nonzero(pred | truth)
    if not union:
        return 1.0
    return float((np.count_nonzero(pred & truth) + smoothing) / (union + smoothing))
