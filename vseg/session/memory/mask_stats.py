"""What was decoded, as plain numbers: area, box and quality of every mask that was proposed.

Enters: Decoded.  Leaves: one MaskStats per object, fetched from the device in one piece.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.interfaces.memory_policy import Observation
from vseg.tensors import Decoded


@dataclass(frozen=True, slots=True)
class MaskStats:
    """One object on one frame.  proposed: every hypothesis; chosen: which of them was
    decoded.
    """

    presence: float
    proposed: tuple[Observation, ...]
    chosen: int


def mask_stats(decoded: Decoded) -> list[MaskStats]:
    """One per row, in cells of the mask logits."""
    if decoded.alternatives is None:
        logits = decoded.logits[:, None]
        quality = decoded.quality[:, None]
    else:
        logits = decoded.alternatives.logits
        quality = decoded.alternatives.quality
    # Which proposal was decoded is not passed on; it is the one with the same logits.
    is_chosen = (logits == decoded.logits[:, None]).flatten(2).all(dim=2)
    presence = decoded.presence[:, None].expand_as(quality)
    scores = torch.stack([presence, is_chosen.float(), quality], dim=2)
    # One tensor, so that a GPU is waited for once.
    numbers = torch.cat([scores, _extents(logits > 0)], dim=2).tolist()
    return [_stats_of(rows) for rows in numbers]


def _stats_of(rows: list[list[float]]) -> MaskStats:
    proposed = []
    for _, _, quality, area, *corners in rows:
        x1, y1, x2, y2 = corners if area else (0.0, 0.0, 0.0, 0.0)
        proposed.append(Observation(area, (x1, y1, x2, y2), quality))
    chosen = next(k for k, row in enumerate(rows) if row[1])
    return MaskStats(rows[0][0], tuple(proposed), chosen)


def _extents(masks: Bool[Tensor, "O K h w"]) -> Float[Tensor, "O K 5"]:
    """Area, x1, y1, x2, y2 of the masks; the corners of an empty one mean nothing."""
    # argmax of bytes gives the first 1; flipped, the last.
    columns = masks.any(dim=2).byte()
    rows = masks.any(dim=3).byte()
    edges = (
        masks.sum(dim=(2, 3)),
        columns.argmax(dim=2),
        rows.argmax(dim=2),
        columns.shape[2] - columns.flip(2).argmax(dim=2),
        rows.shape[2] - rows.flip(2).argmax(dim=2),
    )
    return torch.stack(edges, dim=2).float()
