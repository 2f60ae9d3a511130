"""Who is what: a one-to-one choice between objects and the things that their masks lie on.

Enters: for each object the masks it might take, and how strongly it claims each.  Leaves: the
mask each object gets, or none.  Masks that overlap by more than `SAME` are one thing, and a
thing goes to one object: two trackers on one object are what makes identities jump.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import linear_sum_assignment
from torch import Tensor

SAME = 0.6
"""Two masks with a larger IoU are of one thing."""

_GONE = 0.3
"""The claim an object has on being hidden: taken where everything else is worth less."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One mask that an object might take.

    claim: how much speaks for it, -1 to 2, and far more where the user spoke.
    """

    row: int
    place: int
    claim: float


def overlaps(masks: Bool[Tensor, "N h w"]) -> Float[np.ndarray, "N N"]:
    """The IoU of every two masks; 0 where both are empty."""
    flat = masks.flatten(1).float()
    inter = flat @ flat.T
    area = inter.diagonal()
    union = area[:, None] + area[None] - inter
    return np.asarray((inter / union.clamp_min(1)).cpu().numpy())


def contested(
    iou: Float[np.ndarray, "O O"], competitors: Bool[np.ndarray, "O O"]
) -> Bool[np.ndarray, " O"]:
    """Rows whose mask lies on the same thing as a rival's."""
    return np.asarray(((iou > SAME) & competitors).any(axis=1))


def things(iou: Float[np.ndarray, "N N"]) -> list[int]:
    """For each mask the number of the thing it lies on: that of the first mask it overlaps
    enough.
    """
    numbers: list[int] = []
    for k in range(len(iou)):
        same = [numbers[j] for j in range(k) if iou[k, j] > SAME]
        numbers.append(same[0] if same else max(numbers, default=-1) + 1)
    return numbers


def choose(
    hypotheses: Sequence[Hypothesis], iou: Float[np.ndarray, "N N"], rows: int
) -> list[int | None]:
    """For each of `rows` objects the index of the hypothesis it gets, None for one that is
    hidden.

    The choice maximises the sum of claims with one object per thing (Kuhn 1955, by scipy).
    """
    of_thing = things(iou)
    count = max(of_thing, default=-1) + 1
    worth = np.full((rows, count + rows), -1e3)
    best: dict[tuple[int, int], int] = {}
    for k, (each, thing) in enumerate(zip(hypotheses, of_thing, strict=True)):
        if each.claim > worth[each.row, thing]:
            worth[each.row, thing] = each.claim
            best[each.row, thing] = k
    worth[np.arange(rows), count + np.arange(rows)] = _GONE
    chosen = linear_sum_assignment(worth, maximize=True)[1]
    return [best.get((row, int(thing))) for row, thing in enumerate(chosen)]
