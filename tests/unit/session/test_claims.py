"""One object to each thing."""

import numpy as np
import torch

from vseg.session.identity.claims import Hypothesis, choose, contested, overlaps, things


def _boxes(*boxes: tuple[int, int, int, int]) -> torch.Tensor:
    masks = torch.zeros(len(boxes), 20, 20, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    return masks


def test_overlap_is_iou_and_zero_of_nothing() -> None:
    iou = overlaps(_boxes((0, 0, 4, 4), (2, 0, 6, 4), (0, 0, 0, 0)))
    np.testing.assert_allclose(iou[0, 1], 8 / 24)
    np.testing.assert_allclose(np.diagonal(iou), [1, 1, 0])


def test_only_rivals_contest_a_thing() -> None:
    iou = overlaps(_boxes((0, 0, 10, 10), (0, 0, 10, 9), (12, 12, 15, 15)))
    competitors = ~np.eye(3, dtype=bool)
    assert contested(iou, competitors).tolist() == [True, True, False]
    competitors[0, 1] = competitors[1, 0] = False
    assert not contested(iou, competitors).any()


def test_masks_of_one_thing_share_its_number() -> None:
    iou = overlaps(_boxes((0, 0, 10, 10), (12, 0, 20, 8), (0, 0, 10, 9), (12, 0, 20, 7)))
    assert things(iou) == [0, 1, 0, 1]


def test_the_stronger_claim_wins_and_the_other_takes_its_second_choice() -> None:
    masks = _boxes((0, 0, 8, 8), (10, 10, 18, 18), (0, 0, 8, 8), (10, 0, 18, 8))
    offered = [
        Hypothesis(0, 0, 2.0),
        Hypothesis(0, 1, 0.4),
        Hypothesis(1, 0, 1.5),
        Hypothesis(1, 1, 1.2),
    ]
    assert choose(offered, overlaps(masks), 2) == [0, 3]


def test_who_has_no_second_choice_is_hidden() -> None:
    masks = _boxes((0, 0, 8, 8), (0, 0, 8, 8))
    offered = [Hypothesis(0, 0, 1.0), Hypothesis(1, 0, 1.4)]
    assert choose(offered, overlaps(masks), 2) == [None, 1]
