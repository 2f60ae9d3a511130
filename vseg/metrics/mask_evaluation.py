"""J&F of predicted masks against annotated clips, streaming: one frame in memory at a time.

Enters: annotations as folders of PNGs, predictions as such a folder or as any iterable of
(frame index, {object id: mask}), and a protocol.  Leaves: SequenceScore and DatasetScore.  Ids
are compared as they are (semi-supervised DAVIS: the prompts fixed them); nothing is
re-matched.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise, zip_longest
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from vseg.errors import BadDataset
from vseg.io.files import real_path
from vseg.metrics.annotations import VOID, LabelFrame, clip_folders
from vseg.metrics.curves import ABSENT, CurveBuilder, FrameScore
from vseg.metrics.jf import score_frame
from vseg.metrics.jf_scores import (
    DatasetScore,
    Measures,
    ObjectScore,
    SequenceScore,
    measures_of,
)
from vseg.metrics.object_folders import MaskFolder, open_masks
from vseg.metrics.protocols import DAVIS17, Protocol

PredictedFrame = tuple[int, Mapping[int, Bool[np.ndarray, "H W"]]]
Prediction = Path | Iterable[PredictedFrame]


def evaluate_object(
    pred: Iterable[Bool[np.ndarray, "h w"]],
    truth: Iterable[Bool[np.ndarray, "H W"]],
    protocol: Protocol = DAVIS17,
) -> Measures:
    """Score one object over the frames of two streams of masks.

    Raises BadDataset when one stream ends before the other, sizes differ, or the protocol
    leaves no frame.
    """
    builder = CurveBuilder([])
    for frame, (p, t) in enumerate(zip_longest(pred, truth)):
        if p is None or t is None:
            raise BadDataset(
                f"the {'prediction' if p is None else 'truth'} ends at frame {frame}"
            )
        builder.add(frame, _frame_score(p, t, None, protocol))
    return measures_of(builder.curve(protocol))


def evaluate(gt_dir: Path, pred: Prediction, protocol: Protocol = DAVIS17) -> SequenceScore:
    """Score one clip: every object its annotation ever shows.

    `pred` gives frames in ascending order, at least all annotated ones; frames between
    annotated ones are passed over.  A mask may be missing where an object is not visible; an
    object that is never predicted counts as absent on every frame, and is listed, unless no
    annotated object is predicted at all.  Predicted objects that are not annotated are
    not scored.  Raises BadDataset naming the file and the value that do not fit.
    """
    builders: dict[int, CurveBuilder] = {}
    true_ids: set[int] = set()
    predicted_ids: set[int] = set()
    before: list[int] = []
    for label, masks in scored_pairs(gt_dir, pred, protocol):
        true_ids.update(label.object_ids)
        predicted_ids.update(masks)
        # Whether an object is annotated is known only at the end, so predicted ones are scored
        # from their first frame on too.
        for object_id in (true_ids | predicted_ids) - builders.keys():
            builders[object_id] = CurveBuilder(before if label.annotated is None else [])
        for object_id, builder in builders.items():
            if label.annotated is None or object_id in label.annotated:
                score = _score(label, object_id, masks.get(object_id), protocol)
                builder.add(label.index, score)
        before.append(label.index)
    _refuse_mismatch(gt_dir, true_ids, predicted_ids)
    curves = {one: builders[one].curve(protocol) for one in sorted(true_ids)}
    scored = {one: curve for one, curve in curves.items() if curve.counted.any()}
    if not scored and not protocol.from_first:
        raise BadDataset(
            f"{gt_dir}: {len(before)} annotated frames, and none of them counts under the "
            f"protocol {protocol.name}",
            hint="give a longer annotation, or --all-frames",
        )
    return SequenceScore(
        real_path(gt_dir).name,
        tuple(ObjectScore(one, measures_of(curve), curve) for one, curve in scored.items()),
        tuple(sorted(true_ids - predicted_ids)),
    )


def evaluate_clips(
    gt_root: Path, preds: Mapping[str, Prediction], protocol: Protocol = DAVIS17
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
        tuple(evaluate(folders[clip], preds[clip], protocol) for clip in sorted(preds)),
        protocol,
    )


def scored_pairs(
    gt_dir: Path, pred: Prediction, protocol: Protocol
) -> Iterator[tuple[LabelFrame, Mapping[int, Bool[np.ndarray, "H W"]]]]:
    """The annotated frames of a clip with the predicted masks, as the protocol reads them."""
    truth = open_masks(gt_dir, void_label=None if protocol.void == "object" else VOID)
    for label, masks in paired(truth, predicted_frames(pred)):
        if not protocol.merged:
            yield label, masks
            continue
        yield _merged_truth(label), _merged(masks)


def predicted_frames(pred: Prediction) -> Iterator[PredictedFrame]:
    """The frames of a prediction in order, one in memory at a time."""
    if not isinstance(pred, Path):
        yield from pred
        return
    for label in open_masks(pred, void_label=None):
        yield label.index, {object_id: label.mask(object_id) for object_id in label.object_ids}


def paired(
    truth: MaskFolder, frames: Iterator[PredictedFrame]
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


def _refuse_longer(truth: MaskFolder, frames: Iterator[PredictedFrame]) -> None:
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


def _merged_truth(label: LabelFrame) -> LabelFrame:
    """All objects as object 1."""
    mask = label.labels > 0
    if label.void is not None:
        mask &= ~label.void
    object_ids = (1,) if label.object_ids else ()
    return replace(label, labels=mask.astype(np.uint8), object_ids=object_ids)


def _merged(
    masks: Mapping[int, Bool[np.ndarray, "H W"]],
) -> Mapping[int, Bool[np.ndarray, "H W"]]:
    if not masks:
        return {}
    return {1: np.any(np.stack(list(masks.values())), axis=0)}


def _score(
    label: LabelFrame,
    object_id: int,
    pred: Bool[np.ndarray, "H W"] | None,
    protocol: Protocol,
) -> FrameScore:
    if pred is None:
        if object_id not in label.object_ids:
            return ABSENT
        pred = np.zeros(label.shape, dtype=bool)
    if pred.shape != label.shape:
        height, width = label.shape
        raise BadDataset(
            f"{label.path} is {width}x{height} but the predicted mask of object {object_id} "
            f"is {pred.shape[1]}x{pred.shape[0]}"
        )
    void = label.void if protocol.void == "left_out" else None
    return _frame_score(pred, label.mask(object_id), void, protocol)


def _frame_score(
    pred: Bool[np.ndarray, "h w"],
    truth: Bool[np.ndarray, "H W"],
    void: Bool[np.ndarray, "H W"] | None,
    protocol: Protocol,
) -> FrameScore:
    j, f = score_frame(pred, truth, void, protocol)
    pred_area = np.count_nonzero(pred if void is None else pred & ~void)
    return FrameScore(j, f, int(np.count_nonzero(truth)), int(pred_area))


def _refuse_mismatch(gt_dir: Path, true_ids: set[int], predicted_ids: set[int]) -> None:
    if not true_ids:
        raise BadDataset(f"{gt_dir}: no frame of this annotation shows an object")
    if true_ids & predicted_ids:
        return
    annotated = ", ".join(map(str, sorted(true_ids)))
    predicted = ", ".join(map(str, sorted(predicted_ids))) or "none"
    raise BadDataset(
        f"{gt_dir}: none of the annotated objects ({annotated}) is ever predicted",
        hint=f"predicted ids: {predicted}; the ids of prompts and annotation must agree",
    )
