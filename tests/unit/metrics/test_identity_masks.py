"""Overlaps of labelled masks are the ones of set arithmetic, and TrackEval's measures agree on
them.
"""

from typing import Any

import numpy as np
import pytest

from tests.trackeval_sequence import trackeval_sequence
from vseg.errors import BadDataset
from vseg.metrics.clear import count_clear
from vseg.metrics.hota import count_hota
from vseg.metrics.identity_clip import IdentityClip
from vseg.metrics.idf1 import count_identity
from vseg.metrics.mask_identities import MaskPairs


def test_overlaps_and_numbers_of_one_frame() -> None:
    labels = np.zeros((4, 6), np.uint8)
    labels[:, :2], labels[:, 4:] = 7, 3
    pairs = MaskPairs()
    half = np.zeros((4, 6), bool)
    half[:, 1:3] = True
    pairs.add(labels, {300: half, 5: np.zeros((4, 6), bool), 9: labels == 3})
    (frame,) = pairs.clip().frames
    assert (frame.truth.tolist(), frame.pred.tolist()) == ([0, 1], [0, 1])
    np.testing.assert_allclose(frame.similarity, [[0.0, 1.0], [4 / 12, 0.0]])


def test_void_pixels_count_on_neither_side() -> None:
    labels = np.zeros((4, 6), np.uint8)
    labels[:, :3] = 1
    labels[0] = 255
    pairs = MaskPairs()
    pairs.add(labels, {1: np.ones((4, 6), bool), 2: labels == 255}, labels == 255)
    (frame,) = pairs.clip().frames
    np.testing.assert_allclose(frame.similarity, [[9 / 18]])


def test_a_mask_of_another_size() -> None:
    with pytest.raises(
        BadDataset, match=r"frame 0: the mask of object 4 is 3x2, the truth 6x5"
    ):
        MaskPairs().add(np.zeros((5, 6), np.uint8), {4: np.ones((2, 3), bool)})


def test_measures_of_drifting_and_swapping_masks_equal_trackeval() -> None:
    trackeval = pytest.importorskip("trackeval")
    clip, overlaps = _random_clip()
    peer = trackeval_sequence(clip) | {"similarity_scores": overlaps}
    quiet = {"PRINT_CONFIG": False}
    hota = trackeval.metrics.HOTA().eval_sequence(peer)
    identity = trackeval.metrics.Identity(quiet).eval_sequence(peer)
    clear = trackeval.metrics.CLEAR(quiet).eval_sequence(peer)
    ours = count_clear(clip)
    assert count_hota(clip).score().hota == pytest.approx(float(hota["HOTA"].mean()), abs=1e-6)
    assert count_identity(clip).f1 == pytest.approx(float(identity["IDF1"]), abs=1e-6)
    assert (ours.mota, ours.switches) == pytest.approx(
        (clear["MOTA"], clear["IDSW"]), abs=1e-6
    )
    assert ours.switches > 0, "the clip must hold a switch for this to say anything"


def _random_clip() -> tuple[IdentityClip, list[Any]]:
    """A clip of four discs whose predictions drift and once swap ids; overlaps by
    pycocotools.
    """
    coco = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(4)
    rows, columns = np.mgrid[:60, :80]
    pairs = MaskPairs()
    overlaps = []
    for t in range(12):
        centres = np.array([[12 + t, 14], [40, 15 + 2 * t], [20, 60 - t], [48, 62]])
        labels = np.zeros((60, 80), np.uint8)
        masks = {}
        for k, (y, x) in enumerate(centres):
            labels[(rows - y) ** 2 + (columns - x) ** 2 < 90] = k + 1
            dy, dx = rng.normal(0, 3, 2)
            name = 11 - k if t > 6 and k in (1, 2) else 8 + k
            masks[name] = (rows - y - dy) ** 2 + (columns - x - dx) ** 2 < 90
        pairs.add(labels, masks)
        true = [coco.encode(np.asfortranarray(labels == k + 1, np.uint8)) for k in range(4)]
        said = [coco.encode(np.asfortranarray(m, np.uint8)) for m in masks.values()]
        overlaps.append(coco.iou(true, said, [False] * 4))
    return pairs.clip(), overlaps
