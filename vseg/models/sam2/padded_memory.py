"""The memories of several objects in tensors of fixed size, for stages that are compiled for
it.

Enters: SlotMemory, one per object, as long as each may be.  Leaves: PaddedMemory, in which
every object has as many slots and pointers as the others; what is not there has a negative age
and is never attended to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vseg.errors import UsageError
from vseg.interfaces.slot_model import SlotMemory
from vseg.weights.device import uploaded

MISSING = -1
Held = TypeVar("Held")


@dataclass(frozen=True, slots=True)
class MemorySpan:
    """How many slots and pointers every object is given; a pointer's tokens fill whole rows of
    eight.
    """

    slots: int
    pointers: int


@dataclass(frozen=True, slots=True)
class PaddedMemory:
    """Memories of O objects side by side.

    ages: frames since each slot, 0 for a prompted one.  pointer_ages: frames since each
    pointer.  Both are MISSING where there is none.
    """

    keys: Float[Tensor, "O S L N D"]
    cells: Float[Tensor, "O S N C"]
    ages: Int[Tensor, "O S"]
    pointers: Float[Tensor, "O P W"]
    pointer_ages: Float[Tensor, "O P"]


def sized(count: int) -> int:
    """The next of 1, 2, 4, 8, 16 and 32 for which a stage is compiled; beyond 32, of their
    multiples.
    """
    if count > 32:
        return -(-count // 32) * 32
    return 1 << (count - 1).bit_length()


def span_of(memories: Sequence[SlotMemory], recent: int, pointers: int) -> MemorySpan:
    """Room for what any of these objects may come to remember with as many prompted frames as
    it has.

    recent, pointers: how many frames back the model reads.
    """
    most = max(sum(age == 0 for age, _ in memory.slots) for memory in memories)
    fixed = sized(max(1, most))
    both = fixed + pointers
    return MemorySpan(fixed + recent, both + both % 2)


def padded(memories: Sequence[SlotMemory], span: MemorySpan, rows: int) -> PaddedMemory:
    """All memories as long as `span`, and `rows` of them: the first one again where an object
    is missing.
    """
    if any(slot.merged is not None for memory in memories for _, slot in memory.slots):
        raise UsageError(
            "a compiled model reads whole memories only",
            hint="drop --memory-approximation, or --compile",
        )
    every = [*memories, *[memories[0]] * (rows - len(memories))]
    spare = every[0].slots[0][1]
    slots = [
        _filled([slot for _, slot in memory.slots], spare, span.slots) for memory in every
    ]
    pointers = [
        _filled([p for _, p in memory.pointers], spare.pointer, span.pointers)
        for memory in every
    ]
    device = spare.cells.device
    ages = [_ages([age for age, _ in memory.slots], span.slots) for memory in every]
    since = [_ages([age for age, _ in memory.pointers], span.pointers) for memory in every]
    return PaddedMemory(
        _together([[slot.keys for slot in row] for row in slots]),
        _together([[slot.cells for slot in row] for row in slots]),
        uploaded(torch.tensor(ages), device),
        _together(pointers),
        uploaded(torch.tensor(since, dtype=torch.float32), device),
    )


def _together(rows: list[list[Tensor]]) -> Tensor:
    """Rows of as many tensors each as one tensor."""
    flat = torch.stack([tensor for row in rows for tensor in row])
    return flat.view(len(rows), -1, *flat.shape[1:])


def _filled(held: list[Held], spare: Held, count: int) -> list[Held]:
    return [*held, *[spare] * (count - len(held))]


def _ages(known: list[int], count: int) -> list[int]:
    return [*known, *[MISSING] * (count - len(known))]
