"""What identities are decided by on one frame, read from the device in one piece.

Enters: decoded masks, and which objects compete for pixels.  Leaves: masks, visibility and
embeddings on the processor, and the masks with every pixel at the object that claims it most,
on both.  A GPU is waited for once: what the masks will be where nobody is found to be absent,
or to show another object, is computed before that is known.  Where it turns out otherwise they
are divided again.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.ops.competitors import strongest_competitor
from vseg.session.identity.assignment import pairwise_iou
from vseg.tensors import PRESENT, Decoded, downloaded
from vseg.weights.device import uploaded

# An object that loses this share of its pixels to competitors is not reliable enough to be
# remembered.  A round value; not tuned.
_LOST_PIXELS = 0.5

Rows = Bool[np.ndarray, " O"]
Competitors = Bool[np.ndarray, "O O"]


@dataclass(frozen=True, slots=True)
class Mirrored:
    """Decoded masks on the device, and the same on the processor, without alternatives."""

    decoded: Decoded
    here: Decoded

    def changed(self, change: Callable[[Decoded], Decoded]) -> "Mirrored":
        """Both changed alike; on a CPU they are one."""
        made = change(self.decoded)
        one = self.here.logits is self.decoded.logits
        return Mirrored(made, made if one else change(self.here))


@dataclass(frozen=True, slots=True)
class Divided:
    """masks: no two competitors share a pixel.  kept: rows that keep most of their pixels."""

    masks: Mirrored
    kept: Rows


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """On the processor: masks before they were divided, which rows are visible, the IoU of
    every two of them on every second cell, embeddings.

    competitors: by which `divided` was made, among the visible rows.
    """

    masks: Bool[np.ndarray, "O h w"]
    visible: Rows
    iou: Float[np.ndarray, "O O"]
    embedding: Float[Tensor, "O E"]
    competitors: Competitors
    divided: Divided


def read_facts(decoded: Decoded, competitors: Competitors) -> FrameFacts:
    """The facts of a frame."""
    is_object = decoded.logits > 0
    visible = (decoded.presence > PRESENT) & is_object.flatten(1).any(1)
    iou = pairwise_iou(is_object[:, ::2, ::2])
    divided, areas = _divided(decoded, visible, competitors)
    *rest, masks, seen, shared, embedding = downloaded(
        *_parts(divided, areas), is_object, visible, iou, decoded.embedding
    )
    here = seen.numpy()
    return FrameFacts(
        masks.numpy(),
        here,
        shared.numpy(),
        embedding,
        competitors,
        _read(divided, rest, here),
    )


def divide(decoded: Decoded, visible: Rows, competitors: Competitors) -> Divided:
    """Every pixel to the object with the largest logit there, among visible competitors."""
    rows = uploaded(torch.from_numpy(visible), decoded.logits.device)
    divided, areas = _divided(decoded, rows, competitors)
    return _read(divided, downloaded(*_parts(divided, areas)), visible)


def _divided(
    decoded: Decoded, visible: Bool[Tensor, " O"], competitors: Competitors
) -> tuple[Decoded, Tensor]:
    """The divided masks, and the areas before and after."""
    if not competitors.any():
        area = (decoded.logits > 0).flatten(1).sum(1)
        return decoded, torch.stack([area, area])
    rows = visible[:, None, None]
    # Who is not visible claims nothing.
    claims = decoded.logits.masked_fill(~rows, 0.0)
    left = decoded.logits - strongest_competitor(claims, torch.from_numpy(competitors))
    logits = torch.where(rows, left, decoded.logits)
    areas = [(x > 0).flatten(1).sum(1) for x in (decoded.logits, logits)]
    return replace(decoded, logits=logits), torch.stack(areas)


def _parts(divided: Decoded, areas: Tensor) -> tuple[Tensor, ...]:
    return divided.logits, divided.quality, divided.presence, divided.embedding, areas


def _read(divided: Decoded, parts: "list[Tensor] | tuple[Tensor, ...]", seen: Rows) -> Divided:
    """The same with what was downloaded of it."""
    logits, quality, presence, embedding, areas = parts
    before, after = areas.numpy()
    here = Decoded(logits, quality, presence, embedding)
    return Divided(Mirrored(divided, here), seen & (after > (1 - _LOST_PIXELS) * before))
