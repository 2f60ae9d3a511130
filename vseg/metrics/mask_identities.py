"""Masks with identities, truth beside prediction, ready for the identity measures.

Enters: frame by frame, a map of true ids and the predicted masks by id.  Leaves: an
IdentityClip, whose similarity is the masks' overlap.  Only the overlaps are kept, never the
masks.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from vseg.errors import BadDataset
from vseg.metrics.annotations import LabelFolder
from vseg.metrics.identity_clip import FramePairs, IdentityClip
from vseg.metrics.mask_evaluation import Prediction, paired, predicted_frames


class MaskPairs:
    """Collects the overlaps of one clip: `add` the frames in order, then ask for `clip`."""

    def __init__(self) -> None:
        self._frames: list[FramePairs] = []
        self._true_numbers: dict[int, int] = {}
        self._pred_numbers: dict[int, int] = {}

    def add(
        self,
        labels: UInt8[np.ndarray, "H W"],
        masks: Mapping[int, Bool[np.ndarray, "h w"]],
        void: Bool[np.ndarray, "H W"] | None = None,
    ) -> None:
        """Take one frame.  labels: the true id of a pixel, 0 for none.

        Pixels under `void` count on neither side; a mask without a pixel is no detection.
        Raises BadDataset for a mask of another size.
        """
        # Everything void is background to both sides.
        counted = labels if void is None else np.where(void, np.uint8(0), labels)
        # Labels are 8 bits, so one count of 256 bins serves all objects at once.
        true_areas = np.bincount(counted.reshape(-1), minlength=256)
        true_ids = np.flatnonzero(true_areas[1:]) + 1
        pred_ids = []
        overlaps = []
        for object_id, mask in masks.items():
            if mask.shape != labels.shape:
                raise BadDataset(
                    f"frame {len(self._frames)}: the mask of object {object_id} is "
                    f"{mask.shape[1]}x{mask.shape[0]}, the truth "
                    f"{labels.shape[1]}x{labels.shape[0]}"
                )
            if void is not None:
                mask = mask & ~void
            if mask.any():
                pred_ids.append(object_id)
                overlaps.append(
                    _overlaps(np.bincount(counted[mask], minlength=256), true_areas)
                )
        similarity = np.array(overlaps).reshape(-1, 256)[:, true_ids].T
        self._frames.append(
            FramePairs(
                _numbered(true_ids.tolist(), self._true_numbers),
                _numbered(pred_ids, self._pred_numbers),
                similarity,
            )
        )

    def clip(self) -> IdentityClip:
        """All frames so far."""
        return IdentityClip(
            tuple(self._frames), len(self._true_numbers), len(self._pred_numbers)
        )


def mask_clip(truth: Path, pred: Prediction) -> IdentityClip:
    """The annotated frames of a folder of label PNGs, with what was predicted there.

    Raises BadDataset as `mask_evaluation.evaluate` does; predicted ids may be any.
    """
    pairs = MaskPairs()
    for label, masks in paired(LabelFolder.open(truth), predicted_frames(pred)):
        pairs.add(label.labels, masks, label.void)
    return pairs.clip()


def _overlaps(
    common: Int[np.ndarray, " 256"], true_areas: Int[np.ndarray, " 256"]
) -> Float[np.ndarray, " 256"]:
    """Intersection over union of one mask with every label; `common` counts its pixels by
    label.
    """
    return np.asarray(common / np.maximum(1, common.sum() + true_areas - common))


def _numbered(ids: list[int], known: dict[int, int]) -> np.ndarray:
    return np.array([known.setdefault(one, len(known)) for one in ids], dtype=np.int64)
