"""What a memory policy is: it chooses among the proposed masks, and decides what of a frame is
remembered.

Enters: what was decoded of some objects on a frame, and observations of them on frames before.
Leaves: the chosen masks, and one MemoryDecision per object.  A policy holds no state and no
weights: all it knows of the past are those observations, which the bank keeps, forgets and
packs like the rest of the memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from vseg.tensors import Decoded

HISTORY = 15
"""How many frames back a policy's observations reach: as many as SAMURAI (arXiv:2411.11922)
waits for a track to be stable.
"""

Cells = int | float
CellBox = tuple[Cells, Cells, Cells, Cells]
"""x1 y1 x2 y2 in cells of the mask logits, right and bottom exclusive."""


@dataclass(frozen=True, slots=True)
class Observation:
    """Where an object was on a frame.

    area: cells of its mask, 0 where it was absent.  quality: predicted IoU.  anchor: whether
    the frame was prompted, or kept as if it had been.
    """

    area: Cells
    box: CellBox
    quality: float
    anchor: bool = False


History = Mapping[int, Observation]
"""Observations of one object by frame index, in the order they were tracked."""


@dataclass(frozen=True, slots=True)
class MemoryDecision:
    """What becomes of an object's frame.

    kept: its slot is remembered.  anchor: it is read like a prompted frame until newer anchors
    push it out.  observation: what the policy wants to know of this frame later.
    """

    kept: bool = True
    anchor: bool = False
    observation: Observation | None = None


@runtime_checkable
class MemoryPolicy(Protocol):
    """Decides for all objects of a frame at once.

    by_rank: the age of a slot is its rank among those kept (the newest is 1 old), not a number
    of frames.
    """

    @property
    def by_rank(self) -> bool: ...

    def decide(
        self, frame_index: int, decoded: Decoded, pasts: Sequence[History]
    ) -> tuple[Decoded, list[MemoryDecision]]:
        """The chosen masks, and the decisions by row."""
        ...
