"""Objects that compete for the same pixels."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def strongest_competitor(
    rows: Float[Tensor, " O *s"], competitors: Bool[Tensor, "O O"]
) -> Float[Tensor, " O *s"]:
    """For each row, at every place, the largest value of the rows it competes with; never
    below 0.

    competitors: symmetric; a row is no competitor of itself.  If they are on the processor, a
    GPU is not waited for.  A logit less its strongest competitor's is positive where the row
    is object and claims the pixel most.
    """
    if int(competitors.sum()) == len(rows) * (len(rows) - 1) > 0:
        # The common case, in one pass.
        first, second = _two_largest(rows)
        return torch.where(rows == first, second, first).clamp_min(0)
    strongest = torch.zeros_like(rows)
    for row, others in enumerate(competitors.tolist()):
        if any(others):
            claims = torch.stack([rows[k] for k, one in enumerate(others) if one])
            strongest[row] = claims.amax(dim=0).clamp_min(0)
    return strongest


def _two_largest(rows: Float[Tensor, " O *s"]) -> tuple[Tensor, Tensor]:
    """At every place the largest value of all rows, and the largest of the others."""
    if rows.is_cuda:  # one kernel
        first, second = rows.topk(2, dim=0).values
        return first, second
    # A tenth of the time of topk, which sorts the values of each place apart.
    first = torch.maximum(rows[0], rows[1])
    second = torch.minimum(rows[0], rows[1])
    for row in rows[2:]:
        second = torch.maximum(second, torch.minimum(first, row))
        first = torch.maximum(first, row)
    return first, second


def everyone(count: int, device: torch.device) -> Bool[Tensor, "O O"]:
    """All compete with all."""
    return ~torch.eye(count, dtype=torch.bool, device=device)
