"""Baselines: methods that propagate the first frame's masks without our training.

Enters: the first image with its objects' masks, then image after image.  Leaves: their masks.
Dense flow and flow + GrabCut are in baselines_flow.py, label propagation by a teacher's
features in baselines_labels.py.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, UInt8

from benchmarks.baselines_flow import FlowWarp, GrabCutWarp
from benchmarks.baselines_labels import LabelPropagation, open_features
from vseg.errors import UsageError
from vseg.interfaces.reader import Reader
from vseg.metrics.mask_evaluation import PredictedFrame

BASELINES = ("flow", "flow-grabcut", "label-propagation")


@runtime_checkable
class Baseline(Protocol):
    """A method's state on one clip: the masks of O objects, moved from image to image."""

    def begin(
        self, image: UInt8[np.ndarray, "H W 3"], masks: Bool[np.ndarray, "O H W"]
    ) -> None:
        """Take the first image and its masks."""
        ...

    def step(self, image: UInt8[np.ndarray, "H W 3"]) -> Bool[np.ndarray, "O H W"]:
        """The masks on the next image."""
        ...


def make_baseline(name: str, teacher: str | None) -> Baseline:
    """A baseline by name, ready for one clip.

    teacher: of label-propagation, as `vseg distill` takes it.  Raises UsageError without it,
    WeightsMissing, WeightsMismatch.
    """
    if name == "flow":
        return FlowWarp()
    if name == "flow-grabcut":
        return GrabCutWarp()
    if name != "label-propagation":
        raise UsageError(f"unknown baseline '{name}'", hint=f"known: {', '.join(BASELINES)}")
    if teacher is None:
        raise UsageError(
            "label propagation needs a teacher",
            hint="add --teacher and a file, folder or hub name",
        )
    return LabelPropagation(open_features(teacher))


def propagate(
    baseline: Baseline, video: Reader, first: Mapping[int, Bool[np.ndarray, "H W"]]
) -> Iterator[PredictedFrame]:
    """(frame index, {object id: mask}) of every frame, from the masks of the first."""
    ids = sorted(first)
    masks = np.stack([first[object_id] for object_id in ids])
    for frame in video:
        if frame.index == 0:
            baseline.begin(frame.image, masks)
        else:
            masks = baseline.step(frame.image)
        yield frame.index, dict(zip(ids, masks, strict=True))
