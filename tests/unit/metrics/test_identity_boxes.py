"""Pairing true and predicted boxes, and refusing what cannot be paired."""

import numpy as np
import pytest

from vseg.errors import BadDataset
from vseg.metrics.identity_clip import IdentifiedBoxes, box_clip
from vseg.ops.boxes import box_iou

ONE = IdentifiedBoxes(np.array([7]), np.array([[0.0, 0.0, 10.0, 10.0]]))


def test_iou_of_half_none_and_empty_boxes() -> None:
    boxes = np.array([[0.0, 0, 10, 5], [20, 20, 30, 30], [5, 5, 5, 5]])
    np.testing.assert_allclose(box_iou(ONE.boxes, boxes), [[0.5, 0.0, 0.0]])
    np.testing.assert_allclose(box_iou(boxes[2:], boxes[2:]), [[0.0]])


def test_ids_are_renumbered_on_each_side() -> None:
    clip = box_clip([ONE, ONE], [IdentifiedBoxes(np.array([3]), ONE.boxes), ONE])
    assert (clip.num_true_ids, clip.num_pred_ids, clip.num_true, clip.num_pred) == (1, 2, 2, 2)
    assert [frame.pred.tolist() for frame in clip.frames] == [[0], [1]]


def test_another_number_of_frames() -> None:
    with pytest.raises(BadDataset, match="truth has 2 frames, the prediction 1"):
        box_clip([ONE, ONE], [ONE])


def test_an_id_twice_in_a_frame() -> None:
    twice = IdentifiedBoxes(np.array([4, 4]), np.zeros((2, 4)))
    with pytest.raises(BadDataset, match="prediction, frame 1: id 4 stands twice"):
        box_clip([ONE, ONE], [ONE, twice])
