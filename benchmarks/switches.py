"""Counts of frames on which an object's mask is on another object, which J&F does not show."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from vseg.metrics.annotations import LabelFolder, LabelFrame
from vseg.metrics.davis_protocol import PredictedFrame


def on_another(mask: Bool[np.ndarray, "H W"], label: LabelFrame, object_id: int) -> bool:
    """Whether the mask covers more pixels of some other object than of its own."""
    pixels = np.bincount(label.labels[mask], minlength=256)
    others = [int(pixels[other]) for other in label.object_ids if other != object_id]
    return max(others, default=0) > int(pixels[object_id])


class SwitchCount:
    """Counts the annotated frames on which an object's mask is on another one, by object."""

    def __init__(self, truth: Path) -> None:
        self._truth = LabelFolder.open(truth)
        self.frames: Counter[int] = Counter()

    def watch(self, predicted: Iterable[PredictedFrame]) -> Iterator[PredictedFrame]:
        """The same frames, counted as they pass.  Raises BadDataset for an unreadable
        annotation.
        """
        labels = iter(self._truth)
        label = next(labels, None)
        for index, masks in predicted:
            if label is not None and label.index == index:
                self.frames.update(
                    k for k, mask in masks.items() if on_another(mask, label, k)
                )
                label = next(labels, None)
            yield index, masks
