"""Synthetic scenes that many tests read: drawing costs more than the networks that follow."""

from dataclasses import replace
from functools import cache

import numpy as np

from vseg.synthetic import SceneConfig, SyntheticVideo, TrueFrame
from vseg.types import MaskCrop


class DrawnScene(SyntheticVideo):
    """A scene that keeps what it has drawn, and gives out copies."""

    def __init__(self, config: SceneConfig) -> None:
        super().__init__(config)
        self._drawn: dict[int, TrueFrame] = {}

    def draw(self, index: int) -> TrueFrame:
        if index not in self._drawn:
            self._drawn[index] = super().draw(index)
        frame, labels = self._drawn[index].frame, self._drawn[index].labels
        return TrueFrame(replace(frame, image=frame.image.copy()), labels.copy())


@cache
def drawn_scene(config: SceneConfig) -> DrawnScene:
    """The scene of a configuration, one for all tests of a process."""
    return DrawnScene(config)


def two_objects(num_frames: int) -> DrawnScene:
    """Two objects, 160x96, before a camera that stands still."""
    config = SceneConfig(
        96, 160, num_frames, seed=3, num_objects=2, occluders=0, camera_motion=0.0, size=0.8
    )
    return drawn_scene(config)


def mask_iou(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two masks; 0 of two empty ones, which would prove nothing in
    a test.
    """
    return float((one & other).sum() / max(1, (one | other).sum()))


def visible_ids(scene: SyntheticVideo, index: int) -> tuple[int, ...]:
    """The ids of the objects with at least one pixel in the frame, ascending."""
    return tuple(int(label) for label in np.unique(scene.truth(index)) if label > 0)


def truth_of(scene: SyntheticVideo, obj: int, frame: int = 0) -> np.ndarray:
    """The exact mask of an object on a frame, (H, W) booleans."""
    return np.asarray(scene.truth(frame) == obj)


def point_on(scene: SyntheticVideo, obj: int) -> tuple[float, float]:
    """x, y of a pixel of an object on the first frame."""
    ys, xs = np.nonzero(truth_of(scene, obj))
    middle = len(xs) // 2
    return float(xs[middle]), float(ys[middle])


def box_of(mask: np.ndarray) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2 of a mask, right and bottom exclusive."""
    x1, y1, x2, y2 = map(float, MaskCrop.of(mask).xyxy)
    return x1, y1, x2, y2
