"""One object to each mask."""

import numpy as np
import torch

from vseg.session.identity.assignment import (
    Proposal,
    assign,
    clusters,
    contested,
    pairwise_iou,
)


def _boxes(*boxes: tuple[int, int, int, int]) -> torch.Tensor:
    masks = torch.zeros(len(boxes), 20, 20, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    return masks


def test_overlap_is_iou_and_zero_of_nothing() -> None:
    iou = pairwise_iou(_boxes((0, 0, 4, 4), (2, 0, 6, 4), (0, 0, 0, 0))).numpy()
    np.testing.assert_allclose(iou[0, 1], 8 / 24)
    np.testing.assert_allclose(np.diagonal(iou), [1, 1, 0])


def test_only_competitors_contest_a_mask() -> None:
    iou = pairwise_iou(_boxes((0, 0, 10, 10), (0, 0, 10, 9), (12, 12, 15, 15))).numpy()
    competitors = ~np.eye(3, dtype=bool)
    assert contested(iou, competitors).tolist() == [True, True, False]
    competitors[0, 1] = competitors[1, 0] = False
    assert not contested(iou, competitors).any()


def test_overlapping_masks_form_a_cluster() -> None:
    iou = pairwise_iou(
        _boxes((0, 0, 10, 10), (12, 0, 20, 8), (0, 0, 10, 9), (12, 0, 20, 7))
    ).numpy()
    assert clusters(iou) == [0, 1, 0, 1]


def test_the_better_score_wins_and_the_other_takes_its_second_choice() -> None:
    masks = _boxes((0, 0, 8, 8), (10, 10, 18, 18), (0, 0, 8, 8), (10, 0, 18, 8))
    offered = [
        Proposal(0, 0, 2.0),
        Proposal(0, 1, 0.4),
        Proposal(1, 0, 1.5),
        Proposal(1, 1, 1.2),
    ]
    assert assign(offered, pairwise_iou(masks).numpy(), 2) == [0, 3]


def test_an_object_without_a_second_choice_is_absent() -> None:
    masks = _boxes((0, 0, 8, 8), (0, 0, 8, 8))
    offered = [Proposal(0, 0, 1.0), Proposal(1, 0, 1.4)]
    assert assign(offered, pairwise_iou(masks).numpy(), 2) == [None, 1]
