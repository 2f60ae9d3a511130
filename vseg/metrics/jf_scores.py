"""J&F of objects, clips and data sets as values ready for a table.

Enters: the curve of every object.  Leaves: ObjectScore, SequenceScore, DatasetScore and their
rows.  All measures are fractions in [0, 1] (decay in [-1, 1]); multiply by 100 to compare with
published tables.  A data set's mean is over its objects, as DAVIS-2017 takes it, or over
clips, as the protocol says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from jaxtyping import Float

from vseg.errors import BadDataset
from vseg.metrics.curves import ObjectCurve
from vseg.metrics.presence import mean_presence, presence_of
from vseg.metrics.protocols import DAVIS17, Protocol

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
        names = [each.name for each in fields(Measures)]
        return Measures(
            *(float(np.mean([getattr(one, name) for one in several])) for name in names)
        )


@dataclass(frozen=True, slots=True)
class ObjectScore:
    """One object of one clip; the measures are over the frames of the curve that count."""

    object_id: int
    measures: Measures
    curve: ObjectCurve

    @property
    def num_frames(self) -> int:
        """Frames that count."""
        return int(np.count_nonzero(self.curve.counted))


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A line of a table: an object, a clip's mean (object_id None), or all (clip "all").

    presence: what the protocol measures beside J and F, None where there is no occasion.
    """

    clip: str
    object_id: int | None
    num_objects: int
    num_frames: int
    measures: Measures
    presence: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SequenceScore:
    """One clip.  missing_ids: annotated objects that are never predicted, which are scored as
    absent.
    """

    clip: str
    objects: tuple[ObjectScore, ...]
    missing_ids: tuple[int, ...] = ()

    @property
    def measures(self) -> Measures:
        """The mean over the clip's objects."""
        return Measures.mean([one.measures for one in self.objects])

    def rows(self, protocol: Protocol = DAVIS17) -> list[ScoreRow]:
        """One row per object, then the clip's mean; none where no object counts."""
        if not self.objects:
            return []
        rows = [_object_row(self.clip, one, protocol) for one in self.objects]
        num_frames = max(row.num_frames for row in rows)
        presence = mean_presence([row.presence for row in rows])
        mean = ScoreRow(self.clip, None, len(rows), num_frames, self.measures, presence)
        return [*rows, mean]


@dataclass(frozen=True, slots=True)
class DatasetScore:
    """Several clips, scored by one protocol."""

    sequences: tuple[SequenceScore, ...]
    protocol: Protocol = DAVIS17

    @property
    def measures(self) -> Measures:
        """The mean over all objects of all clips, or over clips, as the protocol says."""
        scored = [clip for clip in self.sequences if clip.objects]
        if self.protocol.mean_over == "clips":
            return Measures.mean([clip.measures for clip in scored])
        return Measures.mean([one.measures for clip in scored for one in clip.objects])

    def rows(self) -> list[ScoreRow]:
        """The rows of all clips, then the protocol's mean."""
        rows = [row for clip in self.sequences for row in clip.rows(self.protocol)]
        clips = [row for row in rows if row.object_id is None]
        num_objects = sum(row.num_objects for row in clips)
        num_frames = sum(row.num_frames for row in clips)
        objects = [row for row in rows if row.object_id is not None]
        meant = clips if self.protocol.mean_over == "clips" else objects
        presence = mean_presence([row.presence for row in meant])
        return [
            *rows,
            ScoreRow("all", None, num_objects, num_frames, self.measures, presence),
        ]


def _object_row(clip: str, one: ObjectScore, protocol: Protocol) -> ScoreRow:
    presence = presence_of(one.curve, protocol)
    return ScoreRow(clip, one.object_id, 1, one.num_frames, one.measures, presence)


def measures_of(curve: ObjectCurve) -> Measures:
    """Mean, recall and decay over the frames that count.  Raises BadDataset when none
    does.
    """
    j = curve.j[curve.counted]
    f = curve.f[curve.counted]
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
