"""J&F of predicted masks against annotated clips, streaming: one frame in memory at a time.

Enters: annotations as folders of PNGs, predictions as such a folder or as any iterable of
(frame index, {object id: mask}).  Leaves: SequenceScore and DatasetScore.  Ids are compared as
they are (semi-supervised DAVIS: the prompts fixed them); nothing is re-matched.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise, zip_longest
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from vseg.errors import BadDataset
from vseg.metrics.annotations import LabelFolder, LabelFrame, clip_folders
from vseg.metrics.jf import score_frame
from vseg.metrics.jf_scores import (
    DatasetScore,
    Measures,
    ObjectScore,
    SequenceScore,
    measures_of,
)

PredictedFrame = tuple[int, Mapping[int, Bool[np.ndarray, "H W"]]]
Prediction = Path | Iterable[PredictedFrame]


class _Curve:
    """J and F of one object, frame by frame: two numbers per frame are all that is kept."""

    def __init__(self, num_absent: int) -> None:
        # An object absent from both sides scores 1, so one that appears late begins with the
        # frames before.
        self.j = [1.0] * num_absent
        self.f = [1.0] * num_absent

    def add(self, j_and_f: tuple[float, float]) -> None:
        self.j.append(j_and_f[0])
        self.f.append(j_and_f[1])

    def measures(self, *, first_and_last: bool) -> Measures:
        span = slice(None) if first_and_last else slice(1, -1)
        return measures_of(np.array(self.j)[span], np.array(self.f)[span])


def evaluate_object(
    pred: Iterable[Bool[np.ndarray, "h w"]],
    truth: Iterable[Bool[np.ndarray, "H W"]],
    *,
    first_and_last: bool = False,
) -> Measures:
    """Score one object over the frames of two streams of masks.

    The first frame (where the object was prompted) and the last do not count unless
    `first_and_last`. Raises BadDataset when one stream ends before the other, sizes differ, or
    no frame is left.
    """
    curve = _Curve(0)
    for frame, (p, t) in enumerate(zip_longest(pred, truth)):
        if p is None or t is None:
            raise BadDataset(
                f"the {'prediction' if p is None else 'truth'} ends at frame {frame}"
            )
        curve.add(score_frame(p, t))
    return curve.measures(first_and_last=first_and_last)


def evaluate(gt_dir: Path, pred: Prediction, *, first_and_last: bool = False) -> SequenceScore:
    """Score one clip: every object its annotation ever shows.

    `pred` gives frames in ascending order, at least all annotated ones; frames between
    annotated ones are passed over.  A mask may be missing where an object is not visible, but
    every annotated object must be predicted somewhere.  Predicted objects that are not
    annotated are listed, not scored.  Raises BadDataset naming the file and the value that do
    not fit.
    """
    truth = LabelFolder.open(gt_dir)
    clip = gt_dir.resolve().name
    frames = predicted_frames(pred)
    curves: dict[int, _Curve] = {}
    true_ids: set[int] = set()
    predicted_ids: set[int] = set()
    for number, (label, masks) in enumerate(paired(truth, frames)):
        true_ids.update(label.object_ids)
        predicted_ids.update(masks)
        # Whether an object is annotated is known only at the end, so predicted ones are scored
        # from their first frame on too.
        for object_id in (true_ids | predicted_ids) - curves.keys():
            curves[object_id] = _Curve(number)
        for object_id, curve in curves.items():
            curve.add(_score(label, object_id, masks.get(object_id)))
    _refuse_missing(gt_dir, true_ids, predicted_ids)
    objects = tuple(
        _object_score(gt_dir, object_id, curves[object_id], first_and_last)
        for object_id in sorted(true_ids)
    )
    return SequenceScore(clip, objects, tuple(sorted(predicted_ids - true_ids)))


def evaluate_clips(
    gt_root: Path, preds: Mapping[str, Prediction], *, first_and_last: bool = False
) -> DatasetScore:
    """Score the clips named in `preds` against a tree of annotations (see `clip_folders`).

    Raises BadDataset for a clip that the tree does not have.
    """
    folders = clip_folders(gt_root)
    unknown = sorted(set(preds) - set(folders))
    if unknown:
        raise BadDataset(
            f"{gt_root}: no annotation for clip {unknown[0]!r}",
            hint=f"annotated clips: {', '.join(folders)}",
        )
    return DatasetScore(
        tuple(
            evaluate(folders[clip], preds[clip], first_and_last=first_and_last)
            for clip in sorted(preds)
        )
    )


def predicted_frames(pred: Prediction) -> Iterator[PredictedFrame]:
    """The frames of a prediction in order, one in memory at a time."""
    if not isinstance(pred, Path):
        yield from pred
        return
    for label in LabelFolder.open(pred, void_label=None):
        yield label.index, {object_id: label.mask(object_id) for object_id in label.object_ids}


def paired(
    truth: LabelFolder, frames: Iterator[PredictedFrame]
) -> Iterator[tuple[LabelFrame, Mapping[int, Bool[np.ndarray, "H W"]]]]:
    """The annotated frames with the predicted masks of the same index.

    Raises BadDataset where an annotated frame was not predicted, or the prediction is much
    longer.
    """
    last = -1
    for label in truth:
        for index, predicted in frames:
            if index <= last:
                raise BadDataset(
                    f"the prediction goes from frame {last} back to frame {index}"
                )
            last = index
            if index >= label.index:
                masks = predicted
                break
        else:
            raise BadDataset(
                f"{label.path} is frame {label.index} but the prediction ends at frame {last}",
                hint="score a finished run, or give its own annotation",
            )
        if last != label.index:
            raise BadDataset(
                f"{label.path} is frame {label.index}: the prediction has no such frame"
            )
        yield label, masks
    _refuse_longer(truth, frames)


def _refuse_longer(truth: LabelFolder, frames: Iterator[PredictedFrame]) -> None:
    """Raise when the prediction goes on for a whole annotation interval after the last one."""
    end = truth.indices[-1]
    interval = max((b - a for a, b in pairwise(truth.indices)), default=1)
    for index, _ in frames:
        if index >= end + interval:
            raise BadDataset(
                f"{truth.folder} ends at frame {end} ({len(truth)} files) "
                f"but the prediction has frame {index}",
                hint="is this the annotation of the same clip?",
            )


def _score(
    label: LabelFrame, object_id: int, pred: Bool[np.ndarray, "H W"] | None
) -> tuple[float, float]:
    if pred is None:
        if object_id not in label.object_ids:
            return 1.0, 1.0
        pred = np.zeros(label.labels.shape, dtype=bool)
    if pred.shape != label.labels.shape:
        height, width = label.labels.shape
        raise BadDataset(
            f"{label.path} is {width}x{height} but the predicted mask of object {object_id} "
            f"is {pred.shape[1]}x{pred.shape[0]}"
        )
    return score_frame(pred, label.mask(object_id), label.void)


def _refuse_missing(gt_dir: Path, true_ids: set[int], predicted_ids: set[int]) -> None:
    if not true_ids:
        raise BadDataset(f"{gt_dir}: no frame of this annotation shows an object")
    missing = sorted(true_ids - predicted_ids)
    if missing:
        predicted = ", ".join(map(str, sorted(predicted_ids))) or "none"
        raise BadDataset(
            f"{gt_dir}: object {missing[0]} is annotated but never predicted",
            hint=f"predicted ids: {predicted}; the ids of prompts and annotation must agree",
        )


def _object_score(
    gt_dir: Path, object_id: int, curve: _Curve, first_and_last: bool
) -> ObjectScore:
    num_frames = len(curve.j) - (0 if first_and_last else 2)
    if num_frames < 1:
        raise BadDataset(
            f"{gt_dir}: {len(curve.j)} annotated frames; the first and the last do not count, "
            "so at least 3 are needed"
        )
    return ObjectScore(object_id, num_frames, curve.measures(first_and_last=first_and_last))
