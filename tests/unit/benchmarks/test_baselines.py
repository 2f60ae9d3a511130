"""The baselines move masks that are easy to move, and refuse what they cannot use."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.baselines import Baseline, make_baseline
from benchmarks.baselines_flow import FlowWarp, GrabCutWarp
from benchmarks.baselines_labels import LabelPropagation, open_features
from vseg.errors import UsageError, WeightsMismatch, WeightsMissing
from vseg.ops.masks import mask_iou

SIDE = 128
SIZE = 48
STEP = 3


def image_of(step: int) -> tuple[np.ndarray, np.ndarray]:
    """A red, textured square that moves over smooth grey, and its mask."""
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.uniform(0, 255, (SIDE, SIDE)).astype(np.float32), (0, 0), 4)
    image = np.repeat(noise[..., None], 3, axis=2)
    at = 24 + STEP * step
    patch = cv2.GaussianBlur(rng.uniform(0, 255, (SIZE, SIZE)).astype(np.float32), (0, 0), 3)
    image[at : at + SIZE, at : at + SIZE] = patch[..., None] * (0.3, 0.0, 0.0) + (170, 0, 0)
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[at : at + SIZE, at : at + SIZE] = True
    return image.astype(np.uint8), mask


def colours(image: np.ndarray) -> Tensor:
    """The mean colour of each cell of 8 pixels, and how red it is: features that tell the
    square.
    """
    cells = cv2.resize(image, (SIDE // 8, SIDE // 8), interpolation=cv2.INTER_AREA) / 255
    red = cells[..., :1] - cells[..., 1:2]
    return (
        torch.from_numpy(np.concatenate([cells, 4 * red, 1 - red], 2)).float().permute(2, 0, 1)
    )


@pytest.mark.parametrize(
    ("baseline", "least"),
    [(FlowWarp(), 0.85), (GrabCutWarp(), 0.95), (LabelPropagation(colours), 0.85)],
)
def test_a_moving_square_is_followed(baseline: Baseline, least: float) -> None:
    image, mask = image_of(0)
    baseline.begin(image, mask[None])
    for step in range(1, 7):
        image, mask = image_of(step)
        followed = baseline.step(image)
    assert followed.shape == (1, SIDE, SIDE)
    assert mask_iou(followed[0], mask) > least


def test_label_propagation_keeps_two_objects_apart() -> None:
    image, red = image_of(0)
    blue = np.zeros_like(red)
    blue[88:120, 4:36] = True
    tracker = LabelPropagation(colours)

    def with_blue(image: np.ndarray) -> np.ndarray:
        return np.where(blue[..., None], np.array([0, 0, 220], np.uint8), image)

    tracker.begin(with_blue(image), np.stack([red, blue]))
    for step in range(1, 4):
        image, red = image_of(step)
        followed = tracker.step(with_blue(image))
    assert not (followed[0] & followed[1]).any()
    assert mask_iou(followed[0], red) > 0.8
    assert mask_iou(followed[1], blue) > 0.7


def test_a_mask_that_is_lost_stays_lost() -> None:
    image, mask = image_of(0)
    for baseline in (FlowWarp(), GrabCutWarp()):
        baseline.begin(image, np.zeros_like(mask)[None])
        assert not baseline.step(image_of(1)[0]).any()


def test_a_teacher_file_gives_features_of_any_size(tmp_path: Path) -> None:
    class Teacher(torch.nn.Module):
        def forward(self, x: Tensor) -> list[Tensor]:
            return [torch.nn.functional.avg_pool2d(x, k) for k in (4, 8, 16)]

    with pytest.warns(DeprecationWarning):
        scripted = torch.jit.script(Teacher())
    scripted.save(str(tmp_path / "teacher.ts"))  # type: ignore[no-untyped-call]
    features = open_features(str(tmp_path / "teacher.ts"))
    assert features(np.zeros((50, 70, 3), np.uint8)).shape == (3, 3, 4)


def test_a_missing_or_wrong_teacher_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "teacher.ts"
    wrong.write_bytes(b"not a network")
    with pytest.raises(WeightsMismatch, match="is not a TorchScript module"):
        make_baseline("label-propagation", str(wrong))
    with pytest.raises(WeightsMissing, match="no teacher at"):
        make_baseline("label-propagation", str(tmp_path / "none.ts"))
    with pytest.raises(UsageError, match="needs a teacher"):
        make_baseline("label-propagation", None)
    with pytest.raises(UsageError, match="unknown baseline"):
        make_baseline("guess", None)
