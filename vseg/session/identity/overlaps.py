"""Conflicts of overlapping masks: which object gets a mask.

Enters: decoded masks, and which objects compete for pixels.  Leaves: the same masks without
the conflict.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float

from vseg.session.identity.assignment import Proposal, assign, contested, pairwise_iou
from vseg.session.identity.gallery import Gallery
from vseg.session.identity.identity_input import IdentityInput
from vseg.session.identity.replaced_rows import proposed_logits, with_rows_of
from vseg.tensors import Decoded

# Who comes back with so much of its mask on another object's is that one. A round value.
_COVERED = 0.5

# More than predicted IoU and similarity can add up to (2): in a conflict a prompted object
# takes its mask before any other.
_PROMPTED_SCORE = 10.0


def is_covered(mask: Bool[np.ndarray, "h w"], others: Bool[np.ndarray, "O h w"]) -> bool:
    """Whether most of a mask lies on one other mask."""
    shared = (others & mask).sum(axis=(1, 2))
    return bool(shared.max(initial=0) > _COVERED * np.count_nonzero(mask))


def assign_masks(
    inputs: IdentityInput,
    iou: Float[np.ndarray, "O O"],
    galleries: Sequence[Gallery],
    visible: Bool[np.ndarray, " O"],
    competitors: Bool[np.ndarray, "O O"],
) -> tuple[Decoded, Bool[np.ndarray, " O"]]:
    """The masks, no two of which show the same object, and which objects are still visible.

    iou: of every two masks; every second cell is enough to compare them by.

    Where several objects take the same mask, the one with the best score keeps it; another one
    gets an alternative of its own, or is absent.
    """
    decoded = inputs.decoded
    if decoded.alternatives is None:
        # An object that lost its only mask would have nowhere to go on from: it is better that
        # both share pixels.
        return decoded, visible
    competitors = competitors & visible[:, None] & visible[None]
    rows: list[int] = np.flatnonzero(contested(iou, competitors)).tolist()
    if not rows:
        return decoded, visible
    proposals = [
        proposal
        for n, row in enumerate(rows)
        for proposal in _proposals(inputs, row, n, galleries[row])
    ]
    masks = torch.stack(
        [proposed_logits(decoded, rows[p.row], p.index) > 0 for p in proposals]
    )
    assigned = assign(proposals, pairwise_iou(masks[:, ::2, ::2]).cpu().numpy(), len(rows))
    visible = visible.copy()
    choice = [0] * len(visible)
    for row, k in zip(rows, assigned, strict=True):
        if k is None:
            visible[row] = False
        else:
            choice[row] = proposals[k].index
    device = decoded.logits.device
    replaced = torch.zeros(len(visible), dtype=torch.bool, device=device)
    replaced[rows] = True
    picked = decoded.picked(torch.tensor(choice, device=device))
    return with_rows_of(decoded, picked, replaced), visible


def _proposals(inputs: IdentityInput, row: int, n: int, gallery: Gallery) -> list[Proposal]:
    """The masks that an object, the n-th of those assigned, might take, with their scores."""
    alternatives = inputs.decoded.alternatives
    assert alternatives is not None
    proposals = []
    for k in range(alternatives.quality.shape[1]):
        similarity = gallery.similarity(alternatives.embedding[row, k])
        score = float(alternatives.quality[row, k]) + similarity
        proposals.append(Proposal(n, k, score + _PROMPTED_SCORE * inputs.prompted[row]))
    return proposals
