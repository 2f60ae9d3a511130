"""MOSE's size-adaptive F and its J equal the definition of its evaluator, spelled out with
scikit-image and OpenCV: a tenth of the square root of the area, rounded up, but at most 0.008
of the diagonal, which is not.
"""

import math

import cv2
import numpy as np
import pytest

from vseg.metrics.jf import score_frame
from vseg.metrics.protocols import MOSE

morphology = pytest.importorskip("skimage.morphology")


def _edge(mask: np.ndarray) -> np.ndarray:
    """Differs from the right, the lower or the lower-right neighbour in the image."""
    grown = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    height, width = mask.shape
    differs = np.zeros(mask.shape, dtype=bool)
    for dy, dx in ((0, 1), (1, 0), (1, 1)):
        other = grown[dy : dy + height, dx : dx + width]
        differs |= mask != other
    # On the last row and column only neighbours along it count, as the padding has it.
    return differs


def _by_definition(pred: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    both, either = int((pred & truth).sum()), int((pred | truth).sum())
    j = (both + 1) / (either + 1) if either else 1.0
    limit = 0.008 * np.linalg.norm(truth.shape)
    area = int(truth.sum())
    radius = min(limit, math.ceil(0.1 * math.sqrt(area))) if area else limit
    disk = morphology.disk(radius)
    p, t = _edge(pred), _edge(truth)
    if not p.any() or not t.any():
        return j, float(p.any() == t.any())
    near_t = cv2.dilate(t.astype(np.uint8), disk) > 0
    near_p = cv2.dilate(p.astype(np.uint8), disk) > 0
    precision, recall = (p & near_t).sum() / p.sum(), (t & near_p).sum() / t.sum()
    return j, float(2 * precision * recall / (precision + recall)) if precision + recall else 0


@pytest.mark.parametrize("shape", [(480, 854), (120, 160), (270, 481), (1080, 1920)])
@pytest.mark.parametrize("share", [0.004, 0.05, 0.2, 0.5])
def test_disks_of_all_sizes(shape: tuple[int, int], share: float) -> None:
    """Small objects take their own radius, large ones the image's, whose middle lies between
    pixels.
    """
    height, width = shape
    y, x = np.mgrid[:height, :width]
    r = share * height
    truth = np.asarray((x - 0.4 * width) ** 2 + (y - 0.5 * height) ** 2 < r * r)
    # Lower, to the right, and notched: a disk turned round would give another number.
    pred = np.asarray(
        (x - 0.4 * width - 0.06 * r - 2) ** 2 + (y - 0.5 * height - 0.11 * r) ** 2 < r * r
    )
    pred[: int(0.5 * height) - int(r / 2)] = False
    assert score_frame(pred, truth, None, MOSE) == pytest.approx(
        _by_definition(pred, truth), abs=1e-9
    )


@pytest.mark.parametrize("kind", ["both empty", "lost", "invented", "full", "corner", "noise"])
def test_awkward_masks(kind: str) -> None:
    rng = np.random.default_rng(1)
    none = np.zeros((60, 90), dtype=bool)
    corner = none.copy()
    corner[-9:, -12:] = True
    pairs = {
        "both empty": (none, none),
        "lost": (none, corner),
        "invented": (corner, none),
        "full": (~none, corner),
        "corner": (np.roll(corner, -2, axis=1), corner),
        "noise": (rng.random(none.shape) < 0.4, rng.random(none.shape) < 0.3),
    }
    pred, truth = map(np.asarray, pairs[kind])
    assert score_frame(pred, truth, None, MOSE) == pytest.approx(
        _by_definition(pred, truth), abs=1e-9
    )
