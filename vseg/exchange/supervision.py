"""Masks for the supervision package, which draws, counts and filters detections.

Enters: the masks of one frame.  Leaves: its `Detections`.  The package is optional and is
imported when asked for.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from vseg.errors import UsageError
from vseg.exchange.coco import UNLABELLED
from vseg.frame_masks import FrameMasks


def to_supervision(masks: FrameMasks, labels: Mapping[int, str] | None = None) -> Any:
    """The objects that have a mask as `supervision.Detections`: boxes, masks, scores as
    confidence, object ids as tracker_id.

    labels: names by object id, as `Run.labels` gives them; class ids then count the names of
    the whole run in alphabetical order, and an object without a name is an "object".  Raises
    UsageError where the package is not installed.
    """
    try:
        supervision = import_module("supervision")
    except ImportError as error:
        raise UsageError(
            f"the package supervision cannot be imported: {error}",
            hint="pip install supervision",
        ) from error
    present = masks.only(obj for obj in masks if masks.area(obj))
    return supervision.Detections(
        xyxy=present.boxes.astype(np.float32),
        mask=present.masks,
        confidence=present.scores,
        tracker_id=np.array(present.object_ids, dtype=np.int64),
        **({} if labels is None else _classes(present, labels)),
    )


def _classes(masks: FrameMasks, labels: Mapping[int, str]) -> dict[str, Any]:
    names = sorted({*labels.values(), UNLABELLED})
    own = [labels.get(obj, UNLABELLED) for obj in masks]
    return {
        "class_id": np.array([names.index(name) for name in own], dtype=np.int64),
        "data": {"class_name": np.array(own, dtype=str)},
    }
