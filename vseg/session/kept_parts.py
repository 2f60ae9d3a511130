"""What a further mark must not take away from a mask.

Enters: logits before and after the newest mark of every object.  Leaves: those after, with
what was lost elsewhere as it was.  By its third mark an object is settled: a point on it adds,
one beside it takes away what it is on.  A network that sees all marks anew may drop a whole
arm for a click on a foot (progressive merging, FocalClick, Chen et al. 2022).
"""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.interfaces.promptable_model import ObjectPrompts
from vseg.prompts.prompt_maps import draw_prompts
from vseg.types import Box, Mask

# IoU after 5 clicks of 52 objects of held-out COCO stills, 24 of held-out clips and 26 of
# training clips is 76.1, 91.1 and 90.2 with this rule, 74.5, 89.2 and 89.6 without; after 10
# clicks 84.1, 90.8 and 90.4 with it, 83.4, 89.9 and 89.9 without.
_SETTLED = 3
"""Marks; the second one still decides which object is meant."""

_NEAR = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
"""What a mark takes away may begin a cell beside its disc."""

Cells = Bool[np.ndarray, "h4 w4"]


def with_kept_parts(
    logits: Float[Tensor, "O h4 w4"],
    before: Float[Tensor, "O h4 w4"],
    objects: Sequence[ObjectPrompts],
    video_hw: tuple[int, int],
) -> Float[Tensor, "O h4 w4"]:
    """The logits, as before where the newest mark of an object did not mean to change them.

    objects: all their prompts so far, the newest last.
    """
    kept = logits
    for row, prompts in enumerate(objects):
        marks = [p for p in prompts if not isinstance(p, Box | Mask)]
        if len(marks) < _SETTLED:
            continue
        lost = ((before[row] > 0) & (logits[row] <= 0)).cpu().numpy()
        map_hw = (lost.shape[0], lost.shape[1])
        _, negative, _ = draw_prompts(marks[-1:], video_hw, map_hw)
        kept_cells = lost & ~_touching(lost, negative > 0)
        if kept_cells.any():
            if kept is logits:
                kept = logits.clone()
            cells = torch.from_numpy(kept_cells).to(logits.device)
            kept[row] = torch.where(cells, before[row], logits[row])
    return kept


def _touching(cells: Cells, marks: Cells) -> Cells:
    """The connected parts that reach a mark."""
    _, parts = cv2.connectedComponents(cells.view(np.uint8), connectivity=8)
    near = cv2.dilate(marks.view(np.uint8), _NEAR).view(bool)
    reached: Cells = np.isin(parts, np.unique(parts[near & cells])) & cells
    return reached
