"""What a further mark must leave of a mask as it was.

Enters: logits before and after the newest mark of every object.  Leaves: those after, with
what changed elsewhere as it was before.  By its third mark an object is settled: a positive
one adds and takes nothing away, a negative one takes away and adds nothing, both only what is
nearer to them than to the marks of the other kind.  A network that sees all marks anew may
drop a whole arm for a click on a foot, or beside the arm (progressive merging, FocalClick,
Chen et al. 2022).
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
# training clips was 76.1, 91.1 and 90.2 where a positive mark took nothing away and a negative
# one what it was on, 74.5, 89.2 and 89.6 where the network alone decided.  What nearness to
# other marks brings beyond that: benchmarks/notes/clicks.md.
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
        was, is_now = ((rows[row] > 0).cpu().numpy() for rows in (before, logits))
        map_hw = (was.shape[0], was.shape[1])
        newest, of_all = (
            draw_prompts(some, video_hw, map_hw) > 0 for some in (marks[-1:], marks)
        )
        lost = was & ~is_now
        meant = _touching(lost, newest[1]) & _nearer(newest[1], of_all[0])
        meant |= ~was & is_now & _nearer(newest[0], of_all[1])
        kept_cells = (was != is_now) & ~meant
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


def _nearer(marks: Cells, others: Cells) -> Cells:
    """The cells that are no farther from the marks than from the others; none without
    marks.
    """
    if not marks.any() or not others.any():
        return np.full(marks.shape, marks.any())
    near, far = (
        cv2.distanceTransform((~some).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        for some in (marks, others)
    )
    return np.asarray(near <= far)
