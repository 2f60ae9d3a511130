"""The memory of models that remember in slots: what of the past is kept.  It stores and evicts.

Enters: Slot, one per object and frame.  Leaves: SlotMemory, what an object may read.  Each object has its
prompted frames (the nearest `prompted` of them), the slots of its last few frames, and the pointers of
some more; how many is the model's own span (SAM 2: 6 and 15).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from vseg.errors import UsageError
from vseg.slots import Slot, SlotMemory


@dataclass(frozen=True, slots=True)
class SlotBudget:
    """How many prompted frames, recent slots and recent pointers an object may read."""

    prompted: int
    recent: int
    pointers: int

    def __post_init__(self) -> None:
        if self.prompted < 1 or self.recent < 0 or self.pointers < self.recent:
            raise UsageError(
                f"memory budget {self} is impossible",
                hint="at least one prompted frame, and as many pointers as recent slots",
            )


@dataclass(slots=True)
class ObjectSlots:
    """One object's slots and pointers by frame index, in the order they were written."""

    prompted: dict[int, Slot] = field(default_factory=dict)
    recent: dict[int, Slot] = field(default_factory=dict)
    pointers: dict[int, Float[Tensor, " P"]] = field(default_factory=dict)

    def tensors(self) -> Iterator[Tensor]:
        """Every tensor held, shared ones once."""
        for slot in (*self.prompted.values(), *self.recent.values()):
            yield from (slot.cells, slot.keys, slot.pointer)
        yield from (p for frame, p in self.pointers.items() if frame not in self.recent)


class SlotBank:
    """Bounded memory of all objects of one video.  `objects` is read and written by snapshots."""

    def __init__(self, budget: SlotBudget) -> None:
        self.budget = budget
        self.objects: dict[int, ObjectSlots] = {}

    def write(self, object_id: int, frame_index: int, slot: Slot, *, prompted: bool) -> None:
        """Remember a frame; of too many prompted ones the farthest is dropped, of others the first."""
        held = self.objects.setdefault(object_id, ObjectSlots())
        if not prompted and frame_index in held.prompted:
            return
        for shelf in (held.prompted, held.recent, held.pointers):
            shelf.pop(frame_index, None)
        if prompted:
            held.prompted[frame_index] = slot
            if len(held.prompted) > self.budget.prompted:
                del held.prompted[max(held.prompted, key=lambda f: (abs(f - frame_index), f))]
            return
        held.recent[frame_index] = slot
        held.pointers[frame_index] = slot.pointer
        # One more than is read: a correction of the newest frame reads what that frame read.
        _drop_first(held.recent, self.budget.recent + 1)
        _drop_first(held.pointers, self.budget.pointers + 1)

    def read(self, object_id: int, frame_index: int, *, reverse: bool = False) -> SlotMemory:
        """What the object may read on a frame, going forward or in `reverse`.

        Recent slots and pointers count by their distance in frames, whatever was written between;
        prompted frames always count, but their pointers only where they lie behind (SAM 2 reads no
        pointer of the future).
        """
        held, sign = self.objects[object_id], -1 if reverse else 1
        ages = {frame: (frame_index - frame) * sign for frame in (*held.pointers, *held.prompted)}
        slots = [(0, slot) for slot in held.prompted.values()]
        recent = sorted(held.recent.items(), key=lambda item: -ages[item[0]])
        slots += [(ages[f], slot) for f, slot in recent if 1 <= ages[f] <= self.budget.recent]
        pointers = [(ages[f], s.pointer) for f, s in held.prompted.items() if ages[f] >= 0]
        pointers += [
            (ages[f], pointer)
            for f, pointer in held.pointers.items()
            if 1 <= ages[f] <= self.budget.pointers
        ]
        return SlotMemory(tuple(slots), tuple(pointers))

    def knows(self, object_id: int) -> bool:
        """Whether a prompted frame of the object is remembered: without one it cannot be tracked."""
        return object_id in self.objects and bool(self.objects[object_id].prompted)

    def forget(self, object_id: int, *, after: int, reverse: bool = False) -> None:
        """Drop what was tracked (not prompted) beyond frame `after`; `reverse`: before it."""
        held = self.objects.get(object_id)
        for shelf in (held.recent, held.pointers) if held else ():
            for frame in [f for f in shelf if (f < after if reverse else f > after)]:
                del shelf[frame]

    def drop(self, object_id: int, frame_index: int) -> None:
        """Drop what is remembered of the object on one frame."""
        held = self.objects.get(object_id)
        for shelf in (held.prompted, held.recent, held.pointers) if held else ():
            shelf.pop(frame_index, None)

    def remove(self, object_id: int) -> None:
        """Drop everything remembered of the object."""
        self.objects.pop(object_id, None)

    def state_bytes(self) -> int:
        """Bytes of all tensors held."""
        held = [t for each in self.objects.values() for t in each.tensors()]
        return sum(t.numel() * t.element_size() for t in held)

    def pack(self) -> tuple[dict[str, Tensor], dict[str, dict[str, list[int]]]]:
        """Every tensor by name, and for each object the frames of its shelves in order."""
        tensors: dict[str, Tensor] = {}
        order: dict[str, dict[str, list[int]]] = {}
        for object_id, held in self.objects.items():
            order[str(object_id)] = {
                "prompted": list(held.prompted),
                "recent": list(held.recent),
                "pointers": list(held.pointers),
            }
            for shelf, slots in (("prompted", held.prompted), ("recent", held.recent)):
                for frame, slot in slots.items():
                    at = f"slot/{object_id}/{shelf}/{frame}/"
                    tensors |= {f"{at}cells": slot.cells, f"{at}keys": slot.keys}
                    tensors[f"{at}pointer"] = slot.pointer
            for frame, pointer in held.pointers.items():
                tensors[f"pointer/{object_id}/{frame}"] = pointer
        return {name: t.contiguous() for name, t in tensors.items()}, order

    def unpack(
        self, tensors: Mapping[str, Tensor], order: Mapping[str, Mapping[str, list[int]]]
    ) -> None:
        """Put what `pack` gave in place of the bank's own content."""
        self.objects = {}
        for object_id, frames in order.items():
            shelves: dict[str, dict[int, Slot]] = {}
            for shelf in ("prompted", "recent"):
                at = f"slot/{object_id}/{shelf}"
                shelves[shelf] = {
                    f: Slot(*(tensors[f"{at}/{f}/{part}"] for part in ("cells", "keys", "pointer")))
                    for f in frames[shelf]
                }
            pointers = {f: tensors[f"pointer/{object_id}/{f}"] for f in frames["pointers"]}
            self.objects[int(object_id)] = ObjectSlots(**shelves, pointers=pointers)


def _drop_first(shelf: dict[int, Slot] | dict[int, Tensor], limit: int) -> None:
    while len(shelf) > limit:
        del shelf[next(iter(shelf))]
