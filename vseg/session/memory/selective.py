"""The policy that remembers only what is sure, and anchors what resolves look-alikes.

SAMURAI's (arXiv:2411.11922) motion gate on the proposed masks and its rule for what is
remembered, and DAM4SAM's (arXiv:2411.17576) anchors.  Slots count by their order among those
kept, so that an object that was hidden is looked for with the last frames on which it was
seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from vseg.interfaces.memory_policy import CellBox, History, MemoryDecision, Observation
from vseg.session.memory.distractors import may_anchor, shows_distractor
from vseg.session.memory.mask_stats import MaskStats, mask_stats
from vseg.session.memory.motion import box_iou, expected_box
from vseg.tensors import Decoded

_VISIBLE = 0.5
_GOOD = 0.5
_MOTION_SHARE = 0.15
"""How much the motion counts beside the predicted IoU (SAMURAI's alpha)."""


@dataclass(frozen=True, slots=True)
class Selective:
    """Keeps good frames only.  Implements `vseg.interfaces.memory_policy.MemoryPolicy`."""

    @property
    def by_rank(self) -> bool:
        """Slots count by their order."""
        return True

    def decide(
        self, frame_index: int, decoded: Decoded, pasts: Sequence[History]
    ) -> tuple[Decoded, list[MemoryDecision]]:
        """The masks that fit predicted IoU and motion best, and what of them is remembered."""
        seen = mask_stats(decoded)
        boxes = [expected_box(past, frame_index) for past in pasts]
        choice = [_choice(*each) for each in zip(seen, boxes, strict=True)]
        if choice != [sighting.chosen for sighting in seen]:
            decoded = decoded.picked(torch.tensor(choice, device=decoded.logits.device))
        decisions = []
        for row, past in enumerate(pasts):
            observation = seen[row].proposed[choice[row]]
            kept = seen[row].presence > _VISIBLE and _worth_keeping(observation, boxes[row])
            anchor = (
                kept
                and may_anchor(observation, past, frame_index)
                and _disputed(decoded, row, choice)
            )
            decisions.append(MemoryDecision(kept, anchor, replace(observation, anchor=anchor)))
        return decoded, decisions


def _choice(seen: MaskStats, expected: CellBox | None) -> int:
    """The hypothesis that stands."""
    if expected is None or seen.presence <= _VISIBLE:
        return seen.chosen
    return max(
        range(len(seen.proposed)),
        key=lambda k: (
            _MOTION_SHARE * box_iou(expected, seen.proposed[k].box)
            + (1 - _MOTION_SHARE) * seen.proposed[k].quality
        ),
    )


def _worth_keeping(seen: Observation, expected: CellBox | None) -> bool:
    """Whether the mask is good, and where the object can be."""
    if seen.quality <= _GOOD or seen.area == 0:
        return False
    return expected is None or box_iou(expected, seen.box) > 0


def _disputed(decoded: Decoded, row: int, choice: Sequence[int]) -> bool:
    if decoded.alternatives is None:
        return False
    masks = (decoded.alternatives.logits[row] > 0).cpu().numpy()
    others = [k for k in range(len(masks)) if k != choice[row]]
    return shows_distractor(masks[choice[row]], masks[others])
