"""J&F of objects, clips and data sets as values ready for a table.

Enters: J and F of one object on every scored frame.  Leaves: ObjectScore, SequenceScore,
DatasetScore and their rows.  All measures are fractions in [0, 1] (decay in [-1, 1]); multiply
by 100 to compare with published tables.  A data set's mean is over its objects, as DAVIS-2017
takes it, not over clips.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float

from vseg.errors import BadDataset

# Both as in the DAVIS toolkit.
_DECAY_BINS = 4
_RECALL_AT = 0.5


@dataclass(frozen=True, slots=True)
class Measures:
    """Mean, recall (share of frames above 0.5), decay (first minus last quarter) of J and
    F.
    """

    j_mean: float
    j_recall: float
    j_decay: float
    f_mean: float
    f_recall: float
    f_decay: float

    @property
    def jf_mean(self) -> float:
        """J&F: the mean of `j_mean` and `f_mean`."""
        return (self.j_mean + self.f_mean) / 2

    @staticmethod
    def mean(several: Sequence["Measures"]) -> "Measures":
        """The plain mean, field by field.  Raises BadDataset when there is nothing to
        average.
        """
        if not several:
            raise BadDataset("there is no scored object to take a mean of")
        names = [field.name for field in fields(Measures)]
        return Measures(
            *(float(np.mean([getattr(one, name) for one in several])) for name in names)
        )


@dataclass(frozen=True, slots=True)
class ObjectScore:
    """One object of one clip over `num_frames` scored frames."""

    object_id: int
    num_frames: int
    measures: Measures


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A line of a table: an object, a clip's mean (object_id None), or all (clip "all")."""

    clip: str
    object_id: int | None
    num_objects: int
    num_frames: int
    measures: Measures


@dataclass(frozen=True, slots=True)
class SequenceScore:
    """One clip.  unscored_ids: predicted objects that the ground truth does not know."""

    clip: str
    objects: tuple[ObjectScore, ...]
    unscored_ids: tuple[int, ...] = ()

    @property
    def measures(self) -> Measures:
        """The mean over the clip's objects."""
        return Measures.mean([one.measures for one in self.objects])

    def rows(self) -> list[ScoreRow]:
        """One row per object, then the clip's mean."""
        rows = [
            ScoreRow(self.clip, one.object_id, 1, one.num_frames, one.measures)
            for one in self.objects
        ]
        num_frames = max(row.num_frames for row in rows)
        return [*rows, ScoreRow(self.clip, None, len(rows), num_frames, self.measures)]


@dataclass(frozen=True, slots=True)
class DatasetScore:
    """Several clips."""

    sequences: tuple[SequenceScore, ...]

    @property
    def measures(self) -> Measures:
        """The mean over all objects of all clips."""
        return Measures.mean([one.measures for clip in self.sequences for one in clip.objects])

    def rows(self) -> list[ScoreRow]:
        """The rows of all clips, then the mean over all objects."""
        rows = [row for clip in self.sequences for row in clip.rows()]
        clips = [row for row in rows if row.object_id is None]
        num_objects = sum(row.num_objects for row in clips)
        num_frames = sum(row.num_frames for row in clips)
        return [*rows, ScoreRow("all", None, num_objects, num_frames, self.measures)]


def measures_of(j: Float[np.ndarray, " T"], f: Float[np.ndarray, " T"]) -> Measures:
    """Mean, recall and decay of per-frame J and F.  Raises BadDataset when there is no
    frame.
    """
    if j.size == 0:
        raise BadDataset("no frame is left to score")
    return Measures(
        *(float(np.mean(j)), float(np.mean(j > _RECALL_AT)), _decay(j)),
        *(float(np.mean(f)), float(np.mean(f > _RECALL_AT)), _decay(f)),
    )


def _decay(per_frame: Float[np.ndarray, " T"]) -> float:
    """Mean of the first quarter minus mean of the last; neighbouring quarters share a frame.

    DAVIS stores the quarters' ends in 8 bits, which wrap in clips of more than 256 frames;
    here they do not, so such clips differ from its tool (and from TrackEval) on purpose.
    """
    # 1e-10: the toolkit's, so that a half is rounded the same way.
    ends = (np.round(np.linspace(1, per_frame.size, _DECAY_BINS + 1) + 1e-10) - 1).astype(int)
    first = per_frame[: ends[1] + 1]
    last = per_frame[ends[-2] : ends[-1] + 1]
    return float(np.mean(first) - np.mean(last))
