"""The policy that remembers only confident frames, and anchors those that show a distractor.

SAMURAI's (arXiv:2411.11922) motion gate on the proposed masks and its rule for what is
remembered, and DAM4SAM's (arXiv:2411.17576) anchors.  Slots are ordered by rank among those
kept, so that an object that was occluded is conditioned on the last frames on which it was
visible.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from vseg.interfaces.memory_policy import CellBox, History, MemoryDecision, Observation
from vseg.session.memory.distractors import may_anchor, shows_distractor
from vseg.session.memory.expected_box import cell_iou, expected_box
from vseg.session.memory.mask_stats import MaskStats, mask_stats
from vseg.tensors import PRESENT, Decoded

# A frame is remembered above this predicted IoU (SAMURAI's value).
_KEPT_QUALITY = 0.5

# Of the motion beside the predicted IoU (SAMURAI's alpha).
_MOTION_WEIGHT = 0.15


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
        stats = mask_stats(decoded)
        boxes = [expected_box(past, frame_index) for past in pasts]
        choice = [_choice(row, box) for row, box in zip(stats, boxes, strict=True)]
        if choice != [row.chosen for row in stats]:
            decoded = decoded.picked(torch.tensor(choice, device=decoded.logits.device))
        decisions = []
        for row, past in enumerate(pasts):
            observation = stats[row].proposed[choice[row]]
            kept = stats[row].presence > PRESENT and _worth_keeping(observation, boxes[row])
            anchor = (
                kept
                and may_anchor(observation, past, frame_index)
                and _has_distractor(decoded, row, choice)
            )
            decisions.append(MemoryDecision(kept, anchor, replace(observation, anchor=anchor)))
        return decoded, decisions


def _choice(stats: MaskStats, expected: CellBox | None) -> int:
    """The proposal with the best sum of predicted IoU and motion."""
    if expected is None or stats.presence <= PRESENT:
        return stats.chosen

    def score(k: int) -> float:
        motion = cell_iou(expected, stats.proposed[k].box)
        return _MOTION_WEIGHT * motion + (1 - _MOTION_WEIGHT) * stats.proposed[k].quality

    return max(range(len(stats.proposed)), key=score)


def _worth_keeping(observation: Observation, expected: CellBox | None) -> bool:
    """Whether the mask is good, and where the object can be."""
    if observation.quality <= _KEPT_QUALITY or observation.area == 0:
        return False
    return expected is None or cell_iou(expected, observation.box) > 0


def _has_distractor(decoded: Decoded, row: int, choice: Sequence[int]) -> bool:
    """Whether a proposal that was not chosen shows another candidate."""
    if decoded.alternatives is None:
        return False
    masks = (decoded.alternatives.logits[row] > 0).cpu().numpy()
    others = [k for k in range(len(masks)) if k != choice[row]]
    return shows_distractor(masks[choice[row]], masks[others])
