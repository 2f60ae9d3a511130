"""What every memory bank does for a session: it stores and evicts, and it has no weights.

How a frame is written and read differs with what a model remembers: one value per cell, which
all objects read by one affinity (`vseg.session.memory.affinity_bank`), or slots per object
(`vseg.session.memory.slot_bank`).  The engine of that model knows; the session does not.
"""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor

StoredFrames = dict[str, dict[str, list[int]]]
"""By object id and kind: the indices of the frames stored, in order."""


@runtime_checkable
class MemoryBank(Protocol):
    """Bounded memory of all objects of one video."""

    def admit(self, object_id: int) -> None:
        """Raise UsageError if there is no memory for another object beside the others."""
        ...

    def knows(self, object_id: int) -> bool:
        """Whether enough of the object is remembered to track it."""
        ...

    def forget(self, object_id: int, *, after: int, reverse: bool = False) -> None:
        """Drop what was tracked (not prompted) beyond frame `after`; `reverse`: before it."""
        ...

    def drop(self, object_id: int, frame_index: int) -> None:
        """Drop what is remembered of the object on one frame."""
        ...

    def remove(self, object_id: int) -> None:
        """Drop everything remembered of the object."""
        ...

    def state_bytes(self) -> int:
        """Bytes of all tensors held; constant once the memory is full."""
        ...

    def pack(self) -> tuple[dict[str, Tensor], StoredFrames]:
        """The whole content: tensors by name, and the frames that they are of."""
        ...

    def unpack(self, tensors: Mapping[str, Tensor], frames: StoredFrames) -> None:
        """Put what `pack` returned in place of the bank's content.  Other tensors may be among
        `tensors`.
        """
        ...
