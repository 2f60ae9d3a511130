"""A one-to-one assignment of objects to the masks that the decoder proposed for them.

Enters: proposals with their scores, and how far any two overlap.  Leaves: the proposal an
object gets, or none.  Proposals that overlap form a cluster: they show the same
object of the scene, and only one tracked object may take it.  Two trackers on one object are
what makes identities switch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

CLUSTER_IOU = 0.6
"""Masks with a larger IoU show the same object.  A round value; not tuned."""

# The score of taking no mask: an object is absent rather than take what scores less.  A round
# value, below the quality alone of a usable mask; not tuned.
_ABSENT_SCORE = 0.3

# The score of a cluster in which the object has no proposal: below any real one.
_IMPOSSIBLE = -1e3


@dataclass(frozen=True, slots=True)
class Proposal:
    """One mask that an object might take.

    row: of the object, among those assigned.  index: of the mask, among the object's.  score:
    predicted IoU plus appearance similarity, -1 to 2; far more where the user prompted.
    """

    row: int
    index: int
    score: float


def pairwise_iou(masks: Bool[Tensor, "N h w"]) -> Float[Tensor, "N N"]:
    """The IoU of every two masks; 0 where both are empty."""
    flat = masks.flatten(1).float()
    inter = flat @ flat.T
    area = inter.diagonal()
    union = area[:, None] + area[None] - inter
    return inter / union.clamp_min(1)


def contested(
    iou: Float[np.ndarray, "O O"], competitors: Bool[np.ndarray, "O O"]
) -> Bool[np.ndarray, " O"]:
    """Rows whose mask shows the same object as a competitor's."""
    return np.asarray(((iou > CLUSTER_IOU) & competitors).any(axis=1))


def clusters(iou: Float[np.ndarray, "N N"]) -> list[int]:
    """The cluster of every mask: that of the first mask before it that it overlaps, or a new
    one.
    """
    labels: list[int] = []
    for k in range(len(iou)):
        overlapped = [labels[j] for j in range(k) if iou[k, j] > CLUSTER_IOU]
        labels.append(overlapped[0] if overlapped else max(labels, default=-1) + 1)
    return labels


def assign(
    proposals: Sequence[Proposal], iou: Float[np.ndarray, "N N"], rows: int
) -> list[int | None]:
    """The proposals that the objects get, by row, as places in `proposals`; None for one that
    is absent.

    The assignment maximises the sum of scores with one object per cluster (Kuhn 1955, by
    scipy).
    """
    from scipy.optimize import linear_sum_assignment  # half a second: the first mask is out

    labels = clusters(iou)
    count = max(labels, default=-1) + 1
    # One column per cluster, and after them one per object: its own absence.
    scores = np.full((rows, count + rows), _IMPOSSIBLE)
    # In a cluster, an object takes its best proposal.
    best: dict[tuple[int, int], int] = {}
    for k, (proposal, cluster) in enumerate(zip(proposals, labels, strict=True)):
        if proposal.score > scores[proposal.row, cluster]:
            scores[proposal.row, cluster] = proposal.score
            best[proposal.row, cluster] = k
    scores[np.arange(rows), count + np.arange(rows)] = _ABSENT_SCORE
    columns = linear_sum_assignment(scores, maximize=True)[1]
    return [best.get((row, int(column))) for row, column in enumerate(columns)]
