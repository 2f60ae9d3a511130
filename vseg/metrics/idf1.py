"""IDF1: how long each true identity is covered by one predicted identity.

Enters: an IdentityClip.  Leaves: IdentityCounts, which add up over clips.  Source: Ristani et
al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking", ECCV
workshops 2016.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from vseg.metrics.identity_clip import IdentityClip

# Least IoU of boxes that agree, as in MOTChallenge's published tables.
_MATCH_IOU = 0.5


@dataclass(frozen=True, slots=True)
class IdentityCounts:
    """Boxes explained by the best one-to-one pairing of ids, missed by it, and left over."""

    true_positives: int
    false_negatives: int
    false_positives: int

    @staticmethod
    def total(several: Sequence["IdentityCounts"]) -> "IdentityCounts":
        """The counts of several clips taken as one."""
        return IdentityCounts(
            sum(one.true_positives for one in several),
            sum(one.false_negatives for one in several),
            sum(one.false_positives for one in several),
        )

    @property
    def precision(self) -> float:
        """IDP: the share of predicted boxes that the pairing explains."""
        return self.true_positives / max(1, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """IDR: the share of true boxes that the pairing explains."""
        return self.true_positives / max(1, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """IDF1: the harmonic mean of both."""
        wrong = self.false_positives + self.false_negatives
        return self.true_positives / max(1.0, self.true_positives + 0.5 * wrong)


def count_identity(clip: IdentityClip) -> IdentityCounts:
    """Pair true and predicted ids one to one so that most boxes agree (IoU at least 0.5)."""
    agreements = np.zeros((clip.num_true_ids, clip.num_pred_ids), dtype=np.int64)
    for frame in clip.frames:
        rows, columns = np.nonzero(frame.similarity >= _MATCH_IOU)
        agreements[frame.truth[rows], frame.pred[columns]] += 1
    # Errors are all boxes less twice the agreeing ones, so the fewest errors are the most
    # agreement: the paper's cost matrix with its dummy rows is not needed.  A pair of ids that
    # never agree adds nothing.
    rows, columns = linear_sum_assignment(agreements, maximize=True)
    agreeing = int(agreements[rows, columns].sum())
    return IdentityCounts(agreeing, clip.num_true - agreeing, clip.num_pred - agreeing)
