"""CLEAR: MOTA, identity switches and fragments.

Enters: an IdentityClip.  Leaves: ClearCounts, which add up over clips.  Source: Bernardin and
Stiefelhagen, "Evaluating Multiple Object Tracking Performance: The CLEAR MOT Metrics", EURASIP
JIVP 2008; matching and counting as in TrackEval, which the published tables use.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int
from scipy.optimize import linear_sum_assignment

from vseg.metrics.identity_clip import FramePairs, IdentityClip

# Least similarity of a match, as in MOTChallenge's published tables.
_MATCH_IOU = 0.5
# TrackEval's: a similarity that rounding put below the threshold still counts.
_SLACK = float(np.finfo(float).eps)
# Outweighs any similarity: a pair of the frame before is kept while it can be.
_CONTINUED = 1000.0
_NO_TRACK = -1


@dataclass(frozen=True, slots=True)
class ClearCounts:
    """Sums over frames.  fragments: how often an object was tracked again after a
    gap.
    """

    true_positives: int
    false_negatives: int
    false_positives: int
    switches: int
    fragments: int
    similarity: float

    @staticmethod
    def total(several: Sequence["ClearCounts"]) -> "ClearCounts":
        """The counts of several clips taken as one."""
        return ClearCounts(
            sum(one.true_positives for one in several),
            sum(one.false_negatives for one in several),
            sum(one.false_positives for one in several),
            sum(one.switches for one in several),
            sum(one.fragments for one in several),
            sum(one.similarity for one in several),
        )

    @property
    def mota(self) -> float:
        """MOTA: 1 less misses, false boxes and switches per true box; may be negative."""
        right = self.true_positives - self.false_positives - self.switches
        return right / max(1, self.true_positives + self.false_negatives)

    @property
    def motp(self) -> float:
        """MOTP: mean similarity of the matches."""
        return self.similarity / max(1, self.true_positives)


@dataclass(frozen=True, slots=True)
class FrameMatches:
    """The matches of one frame: rows of its truth, columns of its prediction.

    again: whether the object was matched in the frame before, to whatever track.
    """

    frame: FramePairs
    rows: Int[np.ndarray, " K"]
    columns: Int[np.ndarray, " K"]
    again: Bool[np.ndarray, " K"]


def matches(clip: IdentityClip) -> Iterator[FrameMatches]:
    """The matches of every frame, keeping the pairs of the frame before."""
    # By true id: the track that matched it in the frame before.
    before = np.full(clip.num_true_ids, _NO_TRACK)
    none = np.zeros(0, dtype=np.int64)
    for frame in clip.frames:
        if not len(frame.truth) or not len(frame.pred):
            # As in TrackEval: a frame empty on one side neither breaks nor keeps a pair.
            yield FrameMatches(frame, none, none, none.astype(bool))
            continue
        rows, columns = _matched(frame, before)
        objects = frame.truth[rows]
        again = before[objects] != _NO_TRACK
        # Objects that are not matched on this frame have no pair to continue.
        before[:] = _NO_TRACK
        before[objects] = frame.pred[columns]
        yield FrameMatches(frame, rows, columns, again)


def count_clear(clip: IdentityClip) -> ClearCounts:
    """Match frame by frame and count."""
    # By true id: the track that matched it last.
    last = np.full(clip.num_true_ids, _NO_TRACK)
    # How often it was matched without being matched in the frame before.
    begun = np.zeros(clip.num_true_ids, dtype=np.int64)
    positives = 0
    switches = 0
    similarity = 0.0
    for found in matches(clip):
        objects = found.frame.truth[found.rows]
        tracks = found.frame.pred[found.columns]
        # A switch is counted against the last track, however long ago; a fragment against the
        # frame before.
        switches += int(((last[objects] != _NO_TRACK) & (last[objects] != tracks)).sum())
        begun[objects] += ~found.again
        last[objects] = tracks
        positives += len(objects)
        similarity += float(found.frame.similarity[found.rows, found.columns].sum())
    return ClearCounts(
        positives,
        clip.num_true - positives,
        clip.num_pred - positives,
        switches,
        # The first time is no fragment.
        int(np.maximum(begun - 1, 0).sum()),
        similarity,
    )


def _matched(
    frame: FramePairs, before: Int[np.ndarray, " I"]
) -> tuple[Int[np.ndarray, " K"], Int[np.ndarray, " K"]]:
    """The rows and columns of the pairs that match."""
    continued = frame.pred[None, :] == before[frame.truth][:, None]
    possible = frame.similarity >= _MATCH_IOU - _SLACK
    score = np.where(possible, frame.similarity + _CONTINUED * continued, 0.0)
    rows, columns = linear_sum_assignment(score, maximize=True)
    matched = score[rows, columns] > 0
    return rows[matched], columns[matched]
