"""HOTA: detection, association and localisation in one number.

Enters: an IdentityClip.  Leaves: HotaCounts, which add up over clips, and Hota.  Source:
Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking", IJCV 2021,
equations 8 to 17.  All values are means over the thresholds 0.05, 0.10, ... 0.95, in [0, 1].
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from vseg.metrics.identity_clip import IdentityClip

_THRESHOLDS = np.arange(0.05, 0.99, 0.05)
# TrackEval's: a similarity that rounding put below a threshold still counts.
_SLACK = float(np.finfo(float).eps)


@dataclass(frozen=True, slots=True)
class Hota:
    """Means over the thresholds; hota is the mean of the roots of DetA x AssA."""

    hota: float
    det_a: float
    ass_a: float
    loc_a: float


@dataclass(frozen=True, slots=True)
class HotaCounts:
    """Sums per threshold: matches, misses, false boxes, and over matches their A and
    similarity.
    """

    true_positives: Float[np.ndarray, " A"]
    false_negatives: Float[np.ndarray, " A"]
    false_positives: Float[np.ndarray, " A"]
    association: Float[np.ndarray, " A"]
    similarity: Float[np.ndarray, " A"]

    @staticmethod
    def total(several: Sequence["HotaCounts"]) -> "HotaCounts":
        """The counts of several clips taken as one."""
        return HotaCounts(
            sum((one.true_positives for one in several), np.zeros(len(_THRESHOLDS))),
            sum((one.false_negatives for one in several), np.zeros(len(_THRESHOLDS))),
            sum((one.false_positives for one in several), np.zeros(len(_THRESHOLDS))),
            sum((one.association for one in several), np.zeros(len(_THRESHOLDS))),
            sum((one.similarity for one in several), np.zeros(len(_THRESHOLDS))),
        )

    def score(self) -> Hota:
        """The measures.  Without any match, localisation is 1 and the others are 0."""
        matched = np.maximum(1, self.true_positives)
        boxes = self.true_positives + self.false_negatives + self.false_positives
        det_a = self.true_positives / np.maximum(1, boxes)
        ass_a = self.association / matched
        loc_a = np.where(self.true_positives > 0, self.similarity / matched, 1.0)
        hota = np.sqrt(det_a * ass_a)
        means = [float(np.mean(measure)) for measure in (hota, det_a, ass_a, loc_a)]
        return Hota(*means)


def count_hota(clip: IdentityClip) -> HotaCounts:
    """Match every frame for the best global alignment and count."""
    # Equation 16: matches are chosen for how well the two ids agree over the whole clip, so
    # that one good frame does not break a long association.
    alignment, num_true, num_pred = _alignment(clip)
    levels = len(_THRESHOLDS)
    positives = np.zeros(levels)
    similarity = np.zeros(levels)
    # By threshold, true id and predicted id: the frames on which they matched.
    shared = np.zeros((levels, clip.num_true_ids, clip.num_pred_ids))
    for frame in clip.frames:
        score = alignment[np.ix_(frame.truth, frame.pred)] * frame.similarity
        rows, columns = linear_sum_assignment(score, maximize=True)
        matched = frame.similarity[rows, columns]
        passes = matched[None, :] >= _THRESHOLDS[:, None] - _SLACK
        positives += passes.sum(axis=1)
        similarity += (passes * matched).sum(axis=1)
        # Ids are unique within a frame, so no cell is named twice.
        shared[:, frame.truth[rows], frame.pred[columns]] += passes
    # A of a match (equation 10) is shared / union; every match of a pair of ids has the same,
    # so its sum over matches is shared x shared / union.
    union = num_true[:, None] + num_pred[None, :] - shared
    return HotaCounts(
        positives,
        clip.num_true - positives,
        clip.num_pred - positives,
        (shared * shared / np.maximum(1, union)).sum(axis=(1, 2)),
        similarity,
    )


def _alignment(
    clip: IdentityClip,
) -> tuple[Float[np.ndarray, "I J"], Int[np.ndarray, " I"], Int[np.ndarray, " J"]]:
    """The overlap of true and predicted ids over the clip, and how many frames an id has."""
    shared = np.zeros((clip.num_true_ids, clip.num_pred_ids))
    num_true = np.zeros(clip.num_true_ids, dtype=np.int64)
    num_pred = np.zeros(clip.num_pred_ids, dtype=np.int64)
    for frame in clip.frames:
        similarity = frame.similarity
        union = similarity.sum(axis=0)[None, :] + similarity.sum(axis=1)[:, None] - similarity
        zeros = np.zeros(similarity.shape)
        shared[np.ix_(frame.truth, frame.pred)] += np.divide(
            similarity, union, where=union > _SLACK, out=zeros
        )
        num_true[frame.truth] += 1
        num_pred[frame.pred] += 1
    return shared / (num_true[:, None] + num_pred[None, :] - shared), num_true, num_pred
