"""How much an object may remember in slots: the model's own spans, or fewer to stay within a
limit of memory.

Enters: the spans, the size of a slot, a limit for all objects together.  Leaves: how many
slots an object may hold.  Nothing is measured while tracking: a slot's size is a constant of
the model.
"""

from dataclasses import dataclass

from vseg.errors import UsageError
from vseg.interfaces.slot_model import SlotShape

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class SlotLimit:
    """What all objects of a session may hold together.  mib: MiB.  shape: of a slot as it is
    written.
    """

    mib: float
    shape: SlotShape

    def bytes_each(self, objects: int, pointers: int) -> int:
        """Bytes that one of so many objects has for slots, its other pointers set aside."""
        return int(self.mib * _MIB) // objects - pointers * self.shape.pointer_bytes


@dataclass(frozen=True, slots=True)
class SlotBudget:
    """How many prompted frames, recent slots and recent pointers an object may read.

    limit: of memory; None leaves it at these numbers.  With a limit, `most_prompted` and
    `most_recent` say what is left of them.  One slot and one pointer more than are read are
    held: a correction of the newest frame reads what that frame read.
    """

    prompted: int
    recent: int
    pointers: int
    limit: SlotLimit | None = None

    def __post_init__(self) -> None:
        if self.prompted < 1 or self.recent < 0 or self.pointers < self.recent:
            raise UsageError(
                f"memory budget {self} is impossible",
                hint="at least one prompted frame, and as many pointers as recent slots",
            )

    def most_recent(self, objects: int, prompted: int) -> int:
        """Recent slots that one of `objects` may read, with so many prompted ones."""
        if self.limit is None:
            return self.recent
        # One slot and one pointer are held in reserve, for corrections of the newest frame.
        slots = self.limit.bytes_each(objects, self.pointers + 1) // self.limit.shape.bytes
        return min(self.recent, slots - prompted - 1)

    def most_prompted(self, objects: int) -> int:
        """Prompted frames that one object may hold: no more than recent ones, if there is a
        limit.
        """
        if self.limit is None:
            return self.prompted
        counts = range(1, self.prompted + 1)
        return max((p for p in counts if self.most_recent(objects, p) >= p), default=1)

    def check(self, objects: int) -> None:
        """Raise UsageError if there is no room for one prompted and one recent frame of every
        object.
        """
        if self.limit is None or self.most_recent(objects, 1) >= min(1, self.recent):
            return
        shape = self.limit.shape
        # The third slot and the last pointer are the reserve.
        need = objects * (3 * shape.bytes + (self.pointers + 1) * shape.pointer_bytes) / _MIB
        raise UsageError(
            f"a memory budget of {self.limit.mib:g} MiB is too small for {objects} objects, "
            f"which need {need:.1f} MiB to remember one prompted and one recent frame each",
            hint=f"give --memory-budget {need + 0.1:.1f} or more, track fewer objects at "
            "a time, or use a smaller model",
        )
