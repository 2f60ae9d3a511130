"""Corrections of a simulated user in training: one more click where a mask is most wrong.

Enters: prompt maps, predicted masks, true ones.  Leaves: the maps with a click more.
"""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vseg.prompts.prompt_maps import draw_prompts
from vseg.prompts.simulate import correction
from vseg.types import Points


@torch.no_grad()
def corrected(
    maps: Float[Tensor, "M 3 h4 w4"],
    logits: Float[Tensor, "M 1 h4 w4"],
    truth: Float[Tensor, "M H W"],
    rng: np.random.Generator,
    chance: float,
) -> Float[Tensor, "M 3 h4 w4"]:
    """`maps` with one more click each, by `chance`, inside the largest wrong region."""
    share = F.interpolate(truth[:, None], scale_factor=0.25, mode="area")
    wanted = (share[:, 0] > 0.5).cpu().numpy()
    predicted = (logits[:, 0] > 0).cpu().numpy()
    hw = (int(wanted.shape[1]), int(wanted.shape[2]))
    clicks = []
    for row in range(len(wanted)):
        click = correction(wanted[row], predicted[row]) if rng.random() < chance else None
        clicks.append(draw_prompts([click] if isinstance(click, Points) else [], hw, hw))
    added = torch.from_numpy(np.stack(clicks)).to(maps)
    return torch.cat([torch.maximum(maps[:, :2], added[:, :2]), maps[:, 2:]], dim=1)


def prior_of(logits: Float[Tensor, "N 1 h w"]) -> Float[Tensor, "N 1 h w"]:
    """The mask as the network takes it: -1 outside, 1 inside."""
    return 2 * torch.sigmoid(logits.detach().float()) - 1
