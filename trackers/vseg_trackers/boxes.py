"""How much boxes overlap, for all pairs or for chosen ones.

Enters: boxes x1 y1 x2 y2.  Leaves: IoU in [0, 1], GIoU and DIoU in (-1, 1].
Sources: Rezatofighi et al., CVPR 2019 (GIoU); Zheng et al., AAAI 2020 (DIoU).
"""

from enum import StrEnum

import numpy as np
from jaxtyping import Float, Int

_TINY = np.finfo(float).tiny  # keeps 0 / 0, boxes without any area, at 0


class Overlap(StrEnum):
    """Which overlap is meant."""

    IOU = "iou"
    GIOU = "giou"
    DIOU = "diou"


def overlap_matrix(
    a: Float[np.ndarray, "N 4"], b: Float[np.ndarray, "M 4"], kind: Overlap = Overlap.IOU
) -> Float[np.ndarray, "N M"]:
    """The overlap of every box of `a` with every box of `b`."""
    rows = np.repeat(np.arange(len(a)), len(b))
    columns = np.tile(np.arange(len(b)), len(a))
    return overlap_of_pairs(a[rows], b[columns], kind).reshape(len(a), len(b))


def touching_pairs(
    a: Float[np.ndarray, "N 4"], b: Float[np.ndarray, "M 4"]
) -> tuple[Int[np.ndarray, " K"], Int[np.ndarray, " K"]]:
    """Rows of `a` and of `b` whose boxes share some area: the only pairs with an IoU above 0.

    Among many boxes few touch, so testing first and dividing later costs a fraction of all
    IoUs.
    """
    touch = a[:, None, 0] < b[None, :, 2]
    touch &= b[None, :, 0] < a[:, None, 2]
    touch &= a[:, None, 1] < b[None, :, 3]
    touch &= b[None, :, 1] < a[:, None, 3]
    rows, columns = touch.nonzero()
    return rows, columns


def overlap_of_pairs(
    a: Float[np.ndarray, "K 4"], b: Float[np.ndarray, "K 4"], kind: Overlap = Overlap.IOU
) -> Float[np.ndarray, " K"]:
    """The overlap of each box of `a` with the box in the same row of `b`."""
    top_left = np.maximum(a[:, :2], b[:, :2])
    bottom_right = np.minimum(a[:, 2:], b[:, 2:])
    sides = bottom_right - top_left
    common = _area(np.maximum(sides, 0, out=sides))
    union = _area(a[:, 2:] - a[:, :2]) + _area(b[:, 2:] - b[:, :2]) - common
    iou = common / np.maximum(union, _TINY)
    if kind is Overlap.IOU:
        return np.asarray(iou)
    hull = np.maximum(a[:, 2:], b[:, 2:]) - np.minimum(a[:, :2], b[:, :2])
    if kind is Overlap.GIOU:
        hull_area = np.maximum(_area(hull), _TINY)
        return np.asarray(iou - (hull_area - union) / hull_area)
    apart = (a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) / 2
    return np.asarray(iou - (apart**2).sum(axis=1) / np.maximum((hull**2).sum(axis=1), _TINY))


def size_agreement(
    a: Float[np.ndarray, "K 4"], b: Float[np.ndarray, "K 4"]
) -> Float[np.ndarray, " K"]:
    """How alike the sides of each pair are: the ratio of their widths times that of their
    heights, 1 for equal ones.
    """
    first = a[:, 2:] - a[:, :2]
    second = b[:, 2:] - b[:, :2]
    largest = np.maximum(_area(np.maximum(first, second)), _TINY)
    return np.asarray(_area(np.minimum(first, second)) / largest)


def _area(sides: Float[np.ndarray, "K 2"]) -> Float[np.ndarray, " K"]:
    return np.asarray(sides[:, 0] * sides[:, 1])
