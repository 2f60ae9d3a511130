"""Identities of a clip, truth beside prediction, ready for the identity measures.

Enters: per frame, true boxes with ids and predicted boxes with ids.  Leaves: an IdentityClip:
per frame the rows of the ids and the IoU of every pair.  HOTA, IDF1 and CLEAR all read this
one value, so the overlaps are computed once; masks can be scored by filling in their IoU
instead.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from vseg.errors import BadDataset
from vseg.ops.boxes import box_iou


@dataclass(frozen=True, slots=True)
class IdentifiedBoxes:
    """The boxes of one frame, x1 y1 x2 y2, with their ids, no id twice."""

    ids: Int[np.ndarray, " N"]
    boxes: Float[np.ndarray, "N 4"]


@dataclass(frozen=True, slots=True)
class FramePairs:
    """One frame: true and predicted ids as 0-based numbers, and the similarity of every
    pair.
    """

    truth: Int[np.ndarray, " G"]
    pred: Int[np.ndarray, " P"]
    similarity: Float[np.ndarray, "G P"]


@dataclass(frozen=True, slots=True)
class IdentityClip:
    """All frames of one clip, ids renumbered 0, 1, ... on both sides."""

    frames: tuple[FramePairs, ...]
    num_true_ids: int
    num_pred_ids: int

    @property
    def num_true(self) -> int:
        """True boxes in all frames."""
        return sum(len(frame.truth) for frame in self.frames)

    @property
    def num_pred(self) -> int:
        """Predicted boxes in all frames."""
        return sum(len(frame.pred) for frame in self.frames)


def box_clip(
    truth: Iterable[IdentifiedBoxes], pred: Iterable[IdentifiedBoxes]
) -> IdentityClip:
    """Pair two streams of frames.

    Raises BadDataset when one has more frames, or an id stands twice in a frame.
    """
    true_numbers: dict[int, int] = {}
    pred_numbers: dict[int, int] = {}
    true_frames = list(truth)
    pred_frames = list(pred)
    if len(true_frames) != len(pred_frames):
        raise BadDataset(
            f"the truth has {len(true_frames)} frames, the prediction {len(pred_frames)}",
            hint="give every frame, with no boxes where there are none",
        )
    frames = tuple(
        FramePairs(
            _numbers(t, true_numbers, f"truth, frame {index}"),
            _numbers(p, pred_numbers, f"prediction, frame {index}"),
            box_iou(t.boxes, p.boxes),
        )
        for index, (t, p) in enumerate(zip(true_frames, pred_frames, strict=True))
    )
    return IdentityClip(frames, len(true_numbers), len(pred_numbers))


def _numbers(
    frame: IdentifiedBoxes, known: dict[int, int], where: str
) -> Int[np.ndarray, " N"]:
    ids = frame.ids.tolist()
    if len(set(ids)) < len(ids):
        repeated = next(object_id for object_id in ids if ids.count(object_id) > 1)
        raise BadDataset(f"{where}: id {repeated} stands twice")
    return np.array([known.setdefault(one, len(known)) for one in ids], dtype=np.int64)
