"""The masks of objects that are decoded in turn: each as it was decoded last."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from vseg.frame_masks import FrameMasks
from vseg.types import MaskCrop


class LastCrops(Mapping[int, MaskCrop]):
    """The crops of objects by id, each from the frame it was decoded on; made when asked
    for.
    """

    def __init__(self, frames: Mapping[int, FrameMasks]) -> None:
        self._frames = dict(frames)

    def __getitem__(self, obj: int) -> MaskCrop:
        return self._frames[obj].crops[obj]

    def __iter__(self) -> Iterator[int]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)


class CarriedMasks:
    """By object, the frame that it was decoded on last."""

    def __init__(self) -> None:
        self._frames: dict[int, FrameMasks] = {}

    def longest_waiting(self, ids: Iterable[int], count: int) -> list[int]:
        """The `count` objects whose last mask is oldest; those without any come first."""
        frames = self._frames
        return sorted(ids, key=lambda i: frames[i].frame_index if i in frames else -1)[:count]

    def decoded(self, masks: FrameMasks) -> None:
        """These objects were decoded."""
        self._frames |= dict.fromkeys(masks.object_ids, masks)

    def keep(self, ids: Iterable[int]) -> None:
        """Forget all objects but these."""
        kept = set(ids)
        self._frames = {i: masks for i, masks in self._frames.items() if i in kept}

    def with_held(self, masks: FrameMasks, ids: Iterable[int]) -> FrameMasks:
        """The masks of a frame with those of the other objects as they were last; an object
        that was not decoded yet is left out.
        """
        held = {i: self._frames[i] for i in ids if i in self._frames and i not in masks}
        if not held:
            return masks
        frames = dict(sorted((held | dict.fromkeys(masks.object_ids, masks)).items()))
        rows = [of.object_ids.index(i) for i, of in frames.items()]
        each = list(zip(rows, frames.values(), strict=True))
        return replace(
            masks,
            object_ids=tuple(frames),
            scores=np.array([of.scores[row] for row, of in each], dtype=np.float32),
            visible=np.array([of.visible[row] for row, of in each], dtype=bool),
            sources=tuple(of.sources[row] for row, of in each),
            crops=LastCrops(frames),
        )
