"""The policy of the published predictor (SAM 2, arXiv:2408.00714): every frame is remembered
as decoded.

No value is read, so that a step on a GPU need not wait for one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from vseg.interfaces.memory_policy import History, MemoryDecision
from vseg.tensors import Decoded


@dataclass(frozen=True, slots=True)
class Recent:
    """Keeps every frame.  Implements `vseg.interfaces.memory_policy.MemoryPolicy`."""

    @property
    def by_rank(self) -> bool:
        """Slots count by frames."""
        return False

    def decide(
        self, frame_index: int, decoded: Decoded, pasts: Sequence[History]
    ) -> tuple[Decoded, list[MemoryDecision]]:
        """What was decoded, all of it kept."""
        return decoded, [MemoryDecision()] * len(pasts)
