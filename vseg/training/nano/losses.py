"""Losses of the propagation stage: masks and identity."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

_DICE_WEIGHT = 0.5  # a round value, not tuned
_TEMPERATURE = 0.1  # of the contrastive loss, as in Khosla et al. 2020


def mask_loss(
    logits: Float[Tensor, "N H W"],
    truth: Float[Tensor, "N H W"],
    hardest: float,
    weight: Float[Tensor, "N H W"] | None = None,
) -> Float[Tensor, " N"]:
    """Bootstrapped cross-entropy over the `hardest` share of pixels (Cheng et al. 2021), plus
    half of the dice loss.  weight: of every pixel in the entropy.
    """
    entropy = F.binary_cross_entropy_with_logits(
        logits, truth, weight=weight, reduction="none"
    ).flatten(1)
    if hardest < 1:
        entropy = entropy.topk(int(hardest * entropy.shape[1]), dim=1, sorted=False).values
    chance = torch.sigmoid(logits).flatten(1)
    wanted = truth.flatten(1)
    overlap = 2 * (chance * wanted).sum(1) + 1
    dice = 1 - overlap / (chance.sum(1) + wanted.sum(1) + 1)
    return entropy.mean(1) + _DICE_WEIGHT * dice


@torch.no_grad()
def iou(logits: Float[Tensor, "N H W"], truth: Float[Tensor, "N H W"]) -> Float[Tensor, " N"]:
    """Intersection over union of (logits > 0) and truth; 1 where both are empty."""
    predicted = logits > 0
    wanted = truth > 0.5
    union = (predicted | wanted).flatten(1).sum(1)
    inter = (predicted & wanted).flatten(1).sum(1)
    return torch.where(union > 0, inter / union.clamp_min(1), torch.ones_like(inter / 1.0))


def identity_loss(
    embeddings: Float[Tensor, "M C"], ids: Int[Tensor, " M"], visible: Bool[Tensor, " M"]
) -> Float[Tensor, ""]:
    """Supervised contrastive loss (Khosla et al. 2020): embeddings of one object attract,
    those of others repel.
    """
    embeddings = embeddings[visible]
    ids = ids[visible]
    scores = embeddings @ embeddings.T / _TEMPERATURE
    self_pair = torch.eye(len(ids), dtype=torch.bool, device=ids.device)
    same = (ids[:, None] == ids[None]) & ~self_pair
    log_chance = scores.masked_fill(self_pair, -1e4).log_softmax(dim=1)
    has_pair = same.any(dim=1)
    mean = (log_chance * same).sum(1) / same.sum(1).clamp_min(1)
    return -(mean * has_pair).sum() / has_pair.sum().clamp_min(1)
