"""What was said, and what was found for it, as tensors and plain numbers, for a session's
snapshot.

Enters and leaves: rounds and prompts.  Images and masks are tensors by name; the rest is what
JSON can hold, whose numbers come back to the bit.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from vseg.prompts.resolve import GroundingResult
from vseg.session.prompt_history import PromptEntry
from vseg.types import (
    AnyPrompt,
    Box,
    Detections,
    Exemplar,
    Grounding,
    Mask,
    MaskCrop,
    PlacedPrompt,
    Points,
    Scribble,
    Text,
    VisualPrompt,
)


def pack_entries(
    rounds: Sequence[PromptEntry],
) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """Tensors by name, and for each round what JSON can hold."""
    tensors: dict[str, Tensor] = {}
    stored = []
    for k, each in enumerate(rounds):
        placed = each.placed
        name = f"round/{k}"
        stored.append(
            {
                "frame": placed.frame_index,
                "object": placed.object_id,
                "said": pack_prompt(placed.prompt, name, tensors),
                "answer": each.answer and _pack_answer(each.answer, name, tensors),
            }
        )
    return tensors, stored


def unpack_entries(
    stored: Sequence[Mapping[str, Any]], tensors: Mapping[str, Tensor]
) -> list[PromptEntry]:
    """The rounds that `pack_entries` was given."""
    return [
        PromptEntry(
            PlacedPrompt(
                each["frame"], each["object"], _unpack_any_prompt(each["said"], tensors)
            ),
            each["answer"] and _unpack_answer(each["answer"], tensors),
        )
        for each in stored
    ]


def pack_prompt(said: AnyPrompt, name: str, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Plain numbers; masks and images go to `tensors`, under names that begin with `name`."""
    match said:
        case Points():
            return {"xy": said.xy.tolist(), "positive": said.positive.tolist()}
        case Scribble():
            return {"line": said.xy.tolist(), "positive": said.positive}
        case Box():
            return {"box": [said.x1, said.y1, said.x2, said.y2]}
        case Mask():
            return _pack_mask(said.mask, name, tensors)
        case Text():
            return {"phrase": said.phrase, "threshold": said.threshold}
        case Exemplar():
            tensors[f"{name}/image"] = torch.from_numpy(said.image.copy())
            return {
                "image": f"{name}/image",
                "region": _pack_mask(said.region, f"{name}/region", tensors),
                "source": said.source,
                "threshold": said.threshold,
            }


def _unpack_any_prompt(stored: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> AnyPrompt:
    if "phrase" in stored:
        return Text(stored["phrase"], stored["threshold"])
    if "image" in stored:
        image = tensors[stored["image"]].cpu().numpy()
        region = _unpack_mask(stored["region"], tensors)
        return Exemplar(image, region, stored["source"], stored["threshold"])
    return unpack_prompt(stored, tensors)


def unpack_prompt(stored: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> VisualPrompt:
    """The drawn prompt that `pack_prompt` was given."""
    if "xy" in stored:
        return Points(np.array(stored["xy"], np.float32), np.array(stored["positive"], bool))
    if "line" in stored:
        return Scribble(np.array(stored["line"], np.float32), stored["positive"])
    if "box" in stored:
        return Box(*stored["box"])
    return Mask(_unpack_mask(stored, tensors))


def _pack_answer(
    answer: GroundingResult, name: str, tensors: dict[str, Tensor]
) -> dict[str, Any]:
    found = answer.grounding.found
    masks = None
    if found.masks is not None:
        masks = [
            [crop.x, crop.y, _pack_mask(crop.mask, f"{name}/found/{k}", tensors)]
            for k, crop in enumerate(found.masks)
        ]
    return {
        "threshold": answer.threshold,
        "boxes": found.boxes.tolist(),
        "scores": found.scores.tolist(),
        "labels": found.labels.tolist(),
        "masks": masks,
        "best": answer.grounding.best.tolist(),
        "names": list(answer.grounding.names),
    }


def _unpack_answer(
    stored: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> GroundingResult:
    masks = stored["masks"]
    found = Detections(
        np.array(stored["boxes"], np.float64).reshape(-1, 4),
        np.array(stored["scores"], np.float64),
        np.array(stored["labels"], np.int64),
        None
        if masks is None
        else tuple(MaskCrop(x, y, _unpack_mask(mask, tensors)) for x, y, mask in masks),
    )
    best = np.array(stored["best"], np.float64)
    return GroundingResult(Grounding(found, best, tuple(stored["names"])), stored["threshold"])


def _pack_mask(
    mask: Bool[np.ndarray, "H W"], name: str, tensors: dict[str, Tensor]
) -> dict[str, Any]:
    tensors[name] = torch.from_numpy(np.packbits(mask, axis=1))
    return {"mask": name, "width": mask.shape[1]}


def _unpack_mask(
    stored: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> Bool[np.ndarray, "H W"]:
    bits = tensors[stored["mask"]].cpu().numpy()
    return np.unpackbits(bits, axis=1, count=stored["width"]).astype(bool)
