"""The prompt history of a session as JSON records, with exemplar images beside them by name.

Enters and leaves: prompt entries.  Numbers come back to the bit.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vseg.prompts.codec import (
    Image,
    ImageOf,
    pack_mask,
    pack_prompt,
    unpack_mask,
    unpack_prompt,
)
from vseg.prompts.resolve import GroundingResult, PromptEntry
from vseg.types import Detections, Grounding, MaskCrop


def pack_entries(
    entries: Sequence[PromptEntry], images: dict[str, Image]
) -> list[dict[str, Any]]:
    """A record for each entry; exemplar images are added to `images`."""
    return [
        {
            "prompt": pack_prompt(entry.prompt, images),
            "result": entry.result and _pack_result(entry.result),
        }
        for entry in entries
    ]


def unpack_entries(
    records: Sequence[Mapping[str, Any]], image_of: ImageOf
) -> list[PromptEntry]:
    """The entries that `pack_entries` was given."""
    return [
        PromptEntry(
            unpack_prompt(record["prompt"], image_of),
            record["result"] and _unpack_result(record["result"]),
        )
        for record in records
    ]


def _pack_result(result: GroundingResult) -> dict[str, Any]:
    detections = result.grounding.found
    masks = None
    if detections.masks is not None:
        masks = [{"x": m.x, "y": m.y, **pack_mask(m.mask)} for m in detections.masks]
    return {
        "threshold": result.threshold,
        "boxes": detections.boxes.tolist(),
        "scores": detections.scores.tolist(),
        "labels": detections.labels.tolist(),
        "masks": masks,
        "best": result.grounding.best.tolist(),
        "names": list(result.grounding.names),
    }


def _unpack_result(record: Mapping[str, Any]) -> GroundingResult:
    masks = None
    if record["masks"] is not None:
        masks = tuple(
            MaskCrop(m["x"], m["y"], unpack_mask(m["size"], m["counts"]))
            for m in record["masks"]
        )
    detections = Detections(
        np.array(record["boxes"], np.float64).reshape(-1, 4),
        np.array(record["scores"], np.float64),
        np.array(record["labels"], np.int64),
        masks,
    )
    best = np.array(record["best"], np.float64)
    grounding = Grounding(detections, best, tuple(record["names"]))
    return GroundingResult(grounding, record["threshold"])
