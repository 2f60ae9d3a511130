"""The memory bank of models that remember in slots: what of the past is kept.

Enters: Slot, one per object and frame.  Leaves: SlotMemory, what an object may read.  Four
things are stored of an object: its prompted frames (the nearest `prompted` of them), the
frames that the policy keeps as if they had been prompted, the slots of its last few frames,
and the pointers of some more.  How many is the model's own span (SAM 2: 6 slots and 15
pointers), unless a limit on memory leaves less.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from jaxtyping import Float
from torch import Tensor

from vseg.interfaces.memory_bank import StoredFrames
from vseg.interfaces.memory_policy import HISTORY, History, MemoryDecision, MemoryPolicy
from vseg.interfaces.slot_model import Slot, SlotMemory
from vseg.session.memory.approximation import Approximation
from vseg.session.memory.object_slots import KeysOf, ObjectSlots
from vseg.session.memory.recent import Recent
from vseg.session.memory.slot_budget import SlotBudget
from vseg.tensors import Decoded


class SlotBank:
    """Bounded memory of all objects of one video.  Implements
    `vseg.interfaces.memory_bank.MemoryBank`.

    keys_of: a slot's keys from its cells, when a snapshot is read.
    """

    def __init__(
        self,
        budget: SlotBudget,
        keys_of: KeysOf,
        policy: MemoryPolicy | None = None,
        approximation: Approximation | None = None,
    ) -> None:
        self.budget = budget
        self.policy = policy or Recent()
        self.approximation = approximation
        self.objects: dict[int, ObjectSlots] = {}
        self._keys_of = keys_of

    def admit(self, object_id: int) -> None:
        """Raise UsageError if the memory of another object does not fit beside that of the
        others.
        """
        if object_id not in self.objects:
            self.budget.check(len(self.objects) + 1)

    def decide(
        self, frame_index: int, objects: Sequence[tuple[int, bool]], decoded: Decoded
    ) -> tuple[Decoded, list[MemoryDecision]]:
        """The masks that the policy chose, and its decisions by row.

        objects: the rows' ids, and whether they are tracked in reverse.
        """
        pasts = [
            self._past(object_id, frame_index, -1 if reverse else 1)
            for object_id, reverse in objects
        ]
        return self.policy.decide(frame_index, decoded, pasts)

    def write(
        self,
        object_id: int,
        frame_index: int,
        slot: Slot,
        *,
        prompted: bool,
        decision: MemoryDecision | None = None,
        logits: Float[Tensor, "h4 w4"] | None = None,
    ) -> None:
        """Remember a frame; of too many prompted ones the farthest is dropped, of others the
        first.

        logits: the object's mask, where old memories are approximated.
        """
        if object_id not in self.objects:
            self.admit(object_id)
            self.objects[object_id] = ObjectSlots()
            # The limit is shared: with one object more, all may hold less.
            for other in self.objects.values():
                self._trim(other, frame_index)
        stored = self.objects[object_id]
        decision = decision or MemoryDecision()
        # Passing a prompted frame again teaches nothing that its prompts did not.
        if not prompted and frame_index in stored.prompted:
            return
        stored.clear(frame_index)
        observation = decision.observation
        if observation is not None:
            anchor = prompted or observation.anchor
            stored.past[frame_index] = replace(observation, anchor=anchor)
        if prompted:
            stored.prompted[frame_index] = _without_batch(slot)
        else:
            self._store_tracked(stored, frame_index, slot, decision)
        if self.approximation and logits is not None and frame_index in stored.recent:
            stored.mask_cells[frame_index] = self.approximation.neighbourhood(logits)
        self._trim(stored, frame_index)

    def _store_tracked(
        self, stored: ObjectSlots, frame_index: int, slot: Slot, decision: MemoryDecision
    ) -> None:
        """Store a frame that was not prompted as the policy decided."""
        most_prompted = self.budget.most_prompted(len(self.objects))
        if decision.anchor and len(stored.prompted) < most_prompted:
            stored.anchors[frame_index] = _without_batch(slot)
        elif decision.kept:
            stored.recent[frame_index] = _without_batch(slot)
            # The same tensor: the pointer outlives the slot, and is held once until then.
            stored.pointers[frame_index] = stored.recent[frame_index].pointer
        else:
            stored.pointers[frame_index] = _own_storage(slot.pointer)

    def read(self, object_id: int, frame_index: int, *, reverse: bool = False) -> SlotMemory:
        """What the object may read on a frame, going forward or in `reverse`.

        Recent slots count by their distance in frames, whatever was written between, or by
        their rank where the policy says so; pointers by their distance.  Prompted frames
        always count, but their pointers only where they lie behind (SAM 2 reads no pointer of
        the future); anchors count where they lie behind.
        """
        stored = self.objects[object_id]
        sign = -1 if reverse else 1
        fixed = list(stored.prompted.items())
        fixed += [
            (f, slot) for f, slot in stored.anchors.items() if (frame_index - f) * sign >= 1
        ]
        pointers = [((frame_index - f) * sign, slot.pointer) for f, slot in fixed]
        # SAM 2 reads no pointer of a frame that lies ahead.
        pointers = [(age, pointer) for age, pointer in pointers if age >= 0]
        aged = [((frame_index - f) * sign, pointer) for f, pointer in stored.pointers.items()]
        pointers += [(age, p) for age, p in aged if 1 <= age <= self.budget.pointers]
        slots = [(0, slot) for _, slot in fixed]
        slots += self._recent_slots(stored, frame_index, sign)
        return SlotMemory(tuple(slots), tuple(pointers))

    def _recent_slots(
        self, stored: ObjectSlots, frame_index: int, sign: int
    ) -> list[tuple[int, Slot]]:
        """The recent slots that lie behind, with their ages, oldest first; old ones
        approximated.
        """
        distances = sorted((frame_index - f) * sign for f in stored.recent)
        distances = [frames for frames in distances if frames >= 1]
        ages = range(1, len(distances) + 1) if self.policy.by_rank else distances
        fixed = len(stored.prompted) + len(stored.anchors)
        oldest = self.budget.most_recent(len(self.objects), fixed)
        read = [
            (age, frame_index - distance * sign)
            for age, distance in zip(ages, distances, strict=True)
            if age <= oldest
        ]
        slots = [(age, stored.recent[frame]) for age, frame in read]
        if self.approximation is not None:
            # The newest slot, the first here, stays whole.
            slots[1:] = [
                (
                    age,
                    self.approximation.merged(stored.recent[frame], stored.mask_cells[frame]),
                )
                for age, frame in read[1:]
            ]
        return slots[::-1]

    def _past(self, object_id: int, frame_index: int, sign: int) -> History:
        """The last observations that lie behind."""
        past = self.objects.get(object_id, ObjectSlots()).past
        behind = [
            (f, observation)
            for f, observation in past.items()
            if (frame_index - f) * sign >= 1
        ]
        return dict(behind[-HISTORY:])

    def _trim(self, stored: ObjectSlots, frame_index: int) -> None:
        """Drop the prompted frames that are farthest, and of the rest what was written
        first.
        """
        objects = len(self.objects)
        most = self.budget.most_prompted(objects)
        while len(stored.prompted) > most:
            farthest = max(stored.prompted, key=lambda f: (abs(f - frame_index), f))
            del stored.prompted[farthest]
        _drop_first(stored.anchors, most - len(stored.prompted))
        fixed = len(stored.prompted) + len(stored.anchors)
        recent = self.budget.most_recent(objects, fixed)
        # One more than is read: a correction of the newest frame reads what that frame read.
        _drop_first(stored.recent, recent + 1)
        _drop_first(stored.mask_cells, recent + 1)
        _drop_first(stored.pointers, self.budget.pointers + 1)
        _drop_first(stored.past, HISTORY + 1)

    def knows(self, object_id: int) -> bool:
        """Whether a prompted frame of the object is remembered: without one it cannot be
        tracked.
        """
        return object_id in self.objects and bool(self.objects[object_id].prompted)

    def forget(self, object_id: int, *, after: int, reverse: bool = False) -> None:
        """Drop what was tracked (not prompted) beyond frame `after`; `reverse`: before it."""
        if object_id in self.objects:
            self.objects[object_id].forget(after, reverse)

    def drop(self, object_id: int, frame_index: int) -> None:
        """Drop what is remembered of the object on one frame."""
        if object_id in self.objects:
            self.objects[object_id].clear(frame_index)

    def remove(self, object_id: int) -> None:
        """Drop everything remembered of the object."""
        self.objects.pop(object_id, None)

    def state_bytes(self) -> int:
        """Bytes of all tensors held; constant once the memory is full."""
        held = [t for stored in self.objects.values() for t in stored.tensors()]
        return sum(t.numel() * t.element_size() for t in held)

    def pack(self) -> tuple[dict[str, Tensor], StoredFrames]:
        """Every tensor but the slots' keys, and by object and kind the frames in order."""
        tensors: dict[str, Tensor] = {}
        frames: StoredFrames = {}
        for object_id, stored in self.objects.items():
            packed, frames[str(object_id)] = stored.pack(f"slots/{object_id}")
            tensors |= packed
        return tensors, frames

    def unpack(self, tensors: Mapping[str, Tensor], frames: StoredFrames) -> None:
        """Put what `pack` returned in place of the bank's content."""
        self.objects = {
            int(object_id): ObjectSlots.unpack(
                f"slots/{object_id}", tensors, of_object, self._keys_of
            )
            for object_id, of_object in frames.items()
        }


def _without_batch(slot: Slot) -> Slot:
    return Slot(_own_storage(slot.cells), _own_storage(slot.keys), _own_storage(slot.pointer))


def _own_storage(row: Tensor) -> Tensor:
    """The same in memory of its own: a row of a batch would keep the rows of all objects."""
    return row if row.untyped_storage().nbytes() == row.nbytes else row.clone()


def _drop_first(stored: dict[int, Any], limit: int) -> None:
    while len(stored) > limit:
        del stored[next(iter(stored))]
