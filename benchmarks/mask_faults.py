"""Faults of masks that J&F does not show: frames on another object, and false components."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool

from vseg.metrics.annotations import LabelFolder, LabelFrame
from vseg.metrics.mask_evaluation import PredictedFrame

# A component below this share of the frame is a speck along an outline: 40 pixels at 854x480,
# where a person would first see one. By eye.
_SPECK = 1e-4


def on_another(mask: Bool[np.ndarray, "H W"], label: LabelFrame, object_id: int) -> bool:
    """Whether the mask covers more pixels of some other object than of its own."""
    pixels = np.bincount(label.labels[mask], minlength=256)
    others = [int(pixels[other]) for other in label.object_ids if other != object_id]
    return max(others, default=0) > int(pixels[object_id])


def false_components(mask: Bool[np.ndarray, "H W"], truth: Bool[np.ndarray, "H W"]) -> int:
    """How many connected components of the mask have no pixel of the object; specks do not
    count.
    """
    count, parts, stats, _ = cv2.connectedComponentsWithStats(
        mask.view(np.uint8), connectivity=8
    )
    large = stats[:, cv2.CC_STAT_AREA] >= _SPECK * mask.size
    touched = np.bincount(parts[truth], minlength=count) > 0
    return int((large & ~touched)[1:].sum())


class FaultCount:
    """Counts over the annotated frames of a clip, by object.

    switches: frames on which its mask is on another one.  false_components: all of them.
    frames: annotated frames that passed.
    """

    def __init__(self, truth: Path) -> None:
        self._truth = LabelFolder.open(truth)
        self.switches: Counter[int] = Counter()
        self.false_components: Counter[int] = Counter()
        self.frames = 0

    def watch(self, predicted: Iterable[PredictedFrame]) -> Iterator[PredictedFrame]:
        """The same frames, counted as they pass.  Raises BadDataset for an unreadable
        annotation.
        """
        labels = iter(self._truth)
        label = next(labels, None)
        for index, masks in predicted:
            if label is not None and label.index == index:
                self._count(masks, label)
                label = next(labels, None)
            yield index, masks

    def _count(self, masks: Mapping[int, Bool[np.ndarray, "H W"]], label: LabelFrame) -> None:
        self.frames += 1
        for object_id, mask in masks.items():
            false = false_components(mask, label.mask(object_id))
            self.false_components[object_id] += false
            self.switches[object_id] += on_another(mask, label, object_id)
