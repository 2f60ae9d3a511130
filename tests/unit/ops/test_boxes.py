"""Overlap of boxes beside a count of pixels, and doubles beside a plain loop."""

import numpy as np
import pytest

from vseg.ops.boxes import areas, box_iou, clipped, nms


def random_boxes(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 40, (count, 2, 2))
    return np.concatenate([corners.min(1), corners.max(1) + 1], axis=1).astype(np.float64)


def pixels(box: np.ndarray) -> np.ndarray:
    x1, y1, x2, y2 = box.astype(int)
    canvas = np.zeros((50, 50), dtype=bool)
    canvas[y1:y2, x1:x2] = True
    return canvas


def test_overlap_is_that_of_the_pixels() -> None:
    boxes = random_boxes(30)
    for box in boxes:
        drawn = [pixels(other) for other in boxes]
        counted = [(pixels(box) & d).sum() / (pixels(box) | d).sum() for d in drawn]
        np.testing.assert_allclose(box_iou(box[None], boxes)[0], counted)


def test_boxes_are_cut_to_the_image() -> None:
    boxes = np.array([[-3.0, 5, 200, 9], [100, 100, 120, 120], [8, 8, 2, 2]])
    cut = clipped(boxes, (20, 30))
    assert cut[0].tolist() == [0, 5, 30, 9]
    assert areas(cut).tolist() == [120, 0, 0]
    assert not box_iou(cut[1:2], cut).any(), "an empty box overlaps nothing, not even itself"


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.7])
def test_doubles_are_those_of_a_plain_loop(overlap: float) -> None:
    boxes = random_boxes(60, seed=2)
    kept: list[int] = []
    for place, box in enumerate(boxes):
        if all(box_iou(box[None], boxes[[other]])[0, 0] <= overlap for other in kept):
            kept.append(place)
    assert nms(boxes, overlap).tolist() == kept
    assert 1 < len(kept) < 60


def test_nothing_has_no_doubles() -> None:
    assert nms(np.zeros((0, 4)), 0.5).tolist() == []
