"""The memory of models that remember in slots: what of the past is kept.  It stores and
evicts.

Enters: Slot, one per object and frame.  Leaves: SlotMemory, what an object may read.  Each
object has its prompted frames (the nearest `prompted` of them) and those its policy keeps like
them, the slots of its last few frames, and the pointers of some more; how many is the model's
own span (SAM 2: 6 and 15), unless a limit on memory leaves less.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vseg.interfaces.slot_model import Slot, SlotMemory
from vseg.session.memory.approximation import Approximation
from vseg.session.memory.policy import HISTORY, History, MemoryDecision, Observation, Policy
from vseg.session.memory.recent import Recent
from vseg.session.memory.slot_budget import SlotBudget
from vseg.tensors import Decoded

_SLOTS = ("prompted", "anchors", "recent")


@dataclass(slots=True)
class ObjectSlots:
    """One object's slots, pointers and glimpses by frame index, in the order they were
    written.
    """

    prompted: dict[int, Slot] = field(default_factory=dict)
    anchors: dict[int, Slot] = field(default_factory=dict)
    recent: dict[int, Slot] = field(default_factory=dict)
    pointers: dict[int, Float[Tensor, " P"]] = field(default_factory=dict)
    drawn: dict[int, Bool[Tensor, "r c"]] = field(default_factory=dict)
    past: dict[int, Observation] = field(default_factory=dict)

    def tensors(self) -> Iterator[Tensor]:
        """Every tensor held, shared ones once."""
        for slot in (*self.prompted.values(), *self.anchors.values(), *self.recent.values()):
            yield from (slot.cells, slot.keys, slot.pointer)
        yield from (p for frame, p in self.pointers.items() if frame not in self.recent)
        yield from self.drawn.values()

    def clear(self, frame_index: int) -> None:
        """Drop what is held of one frame."""
        for shelf in (self.prompted, self.anchors, *self.tracked()):
            shelf.pop(frame_index, None)

    def tracked(self) -> tuple[dict[int, Any], ...]:
        """The shelves of frames that were neither prompted nor kept as if they had been."""
        return self.recent, self.pointers, self.drawn, self.past


class SlotBank:
    """Bounded memory of all objects of one video.  `objects` is read and written by
    snapshots.
    """

    def __init__(
        self,
        budget: SlotBudget,
        policy: Policy | None = None,
        approximation: Approximation | None = None,
    ) -> None:
        self.budget = budget
        self.policy = policy or Recent()
        self.approximation = approximation
        self.objects: dict[int, ObjectSlots] = {}

    def admit(self, object_id: int) -> None:
        """Raise UsageError if the memory of another object does not fit beside that of the
        others.
        """
        if object_id not in self.objects:
            self.budget.check(len(self.objects) + 1)

    def decide(
        self, frame_index: int, objects: Sequence[tuple[int, bool]], decoded: Decoded
    ) -> tuple[Decoded, list[MemoryDecision]]:
        """The masks that stand, and the policy's verdict on each row.

        objects: the rows' ids, and whether they are tracked in reverse.
        """
        pasts = [
            self._past(each, frame_index, -1 if reverse else 1) for each, reverse in objects
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
            for other in self.objects.values():  # they share what memory there is
                self._trim(other, frame_index)
        held = self.objects[object_id]
        decision = decision or MemoryDecision()
        if not prompted and frame_index in held.prompted:
            return
        held.clear(frame_index)
        if decision.observation is not None:
            held.past[frame_index] = replace(
                decision.observation, anchor=prompted or decision.observation.anchor
            )
        if prompted:
            held.prompted[frame_index] = _alone(slot)
        else:
            self._place(held, frame_index, slot, decision)
        if (
            self.approximation is not None
            and logits is not None
            and frame_index in held.recent
        ):
            held.drawn[frame_index] = self.approximation.neighbourhood(logits)
        self._trim(held, frame_index)

    def _place(
        self, held: ObjectSlots, frame_index: int, slot: Slot, decision: MemoryDecision
    ) -> None:
        """Put what nobody prompted on the shelf the policy says."""
        if decision.anchor and len(held.prompted) < self.budget.most_prompted(
            len(self.objects)
        ):
            held.anchors[frame_index] = _alone(slot)
        elif decision.kept:
            held.recent[frame_index] = _alone(slot)
            held.pointers[frame_index] = held.recent[frame_index].pointer
        else:
            held.pointers[frame_index] = _own(slot.pointer)

    def read(self, object_id: int, frame_index: int, *, reverse: bool = False) -> SlotMemory:
        """What the object may read on a frame, going forward or in `reverse`.

        Recent slots count by their distance in frames, whatever was written between, or by
        their rank where the policy says so; pointers by their distance.  Prompted frames
        always count, but their pointers only where they lie behind (SAM 2 reads no pointer of
        the future); anchors count where they lie behind.
        """
        held = self.objects[object_id]
        sign = -1 if reverse else 1
        fixed = [(f, slot) for f, slot in held.prompted.items()]
        fixed += [
            (f, slot) for f, slot in held.anchors.items() if (frame_index - f) * sign >= 1
        ]
        pointers = [((frame_index - f) * sign, slot.pointer) for f, slot in fixed]
        pointers = [(age, pointer) for age, pointer in pointers if age >= 0]
        ages = [((frame_index - f) * sign, pointer) for f, pointer in held.pointers.items()]
        pointers += [each for each in ages if 1 <= each[0] <= self.budget.pointers]
        slots = [(0, slot) for _, slot in fixed]
        slots += self._aged(held, frame_index, sign)
        return SlotMemory(tuple(slots), tuple(pointers))

    def _aged(self, held: ObjectSlots, frame_index: int, sign: int) -> list[tuple[int, Slot]]:
        """The recent slots that lie behind, with their ages, oldest first; old ones
        approximated.
        """
        since = sorted((frame_index - f) * sign for f in held.recent)
        since = [frames for frames in since if frames >= 1]
        told = range(1, len(since) + 1) if self.policy.by_rank else since
        most = self.budget.most_recent(
            len(self.objects), len(held.prompted) + len(held.anchors)
        )
        read = [
            (age, frame_index - n * sign)
            for age, n in zip(told, since, strict=True)
            if age <= most
        ]
        slots = [(age, held.recent[frame]) for age, frame in read]
        if self.approximation is not None:
            slots[1:] = [
                (age, self.approximation.thinned(held.recent[frame], held.drawn[frame]))
                for age, frame in read[1:]
            ]
        return slots[::-1]

    def _past(self, object_id: int, frame_index: int, sign: int) -> History:
        """The last glimpses that lie behind."""
        held = self.objects.get(object_id, ObjectSlots()).past
        behind = [
            (f, observation)
            for f, observation in held.items()
            if (frame_index - f) * sign >= 1
        ]
        return dict(behind[-HISTORY:])

    def _trim(self, held: ObjectSlots, frame_index: int) -> None:
        """Drop the prompted frames that are farthest, and of the rest what was written
        first.
        """
        count = len(self.objects)
        budget = self.budget
        most = budget.most_prompted(count)
        while len(held.prompted) > most:
            del held.prompted[max(held.prompted, key=lambda f: (abs(f - frame_index), f))]
        _drop_first(held.anchors, most - len(held.prompted))
        recent = budget.most_recent(count, len(held.prompted) + len(held.anchors))
        # One more than is read: a correction of the newest frame reads what that frame read.
        _drop_first(held.recent, recent + 1)
        _drop_first(held.drawn, recent + 1)
        _drop_first(held.pointers, budget.pointers + 1)
        _drop_first(held.past, HISTORY + 1)

    def knows(self, object_id: int) -> bool:
        """Whether a prompted frame of the object is remembered: without one it cannot be
        tracked.
        """
        return object_id in self.objects and bool(self.objects[object_id].prompted)

    def forget(self, object_id: int, *, after: int, reverse: bool = False) -> None:
        """Drop what was tracked (not prompted) beyond frame `after`; `reverse`: before it."""
        held = self.objects.get(object_id)
        for shelf in (held.anchors, *held.tracked()) if held else ():
            for frame in [f for f in shelf if (f < after if reverse else f > after)]:
                del shelf[frame]

    def drop(self, object_id: int, frame_index: int) -> None:
        """Drop what is remembered of the object on one frame."""
        if object_id in self.objects:
            self.objects[object_id].clear(frame_index)

    def remove(self, object_id: int) -> None:
        """Drop everything remembered of the object."""
        self.objects.pop(object_id, None)

    def state_bytes(self) -> int:
        """Bytes of all tensors held."""
        held = [t for each in self.objects.values() for t in each.tensors()]
        return sum(t.numel() * t.element_size() for t in held)

    def pack(self) -> tuple[dict[str, Tensor], dict[str, dict[str, list[int]]]]:
        """Every tensor but the keys, by name, and for each object the frames of its shelves in
        order.
        """
        tensors: dict[str, Tensor] = {}
        order: dict[str, dict[str, list[int]]] = {}
        for object_id, held in self.objects.items():
            shelves = {name: getattr(held, name) for name in _SLOTS}
            order[str(object_id)] = {name: list(shelf) for name, shelf in shelves.items()}
            order[str(object_id)] |= {"pointers": list(held.pointers), "past": list(held.past)}
            order[str(object_id)]["drawn"] = list(held.drawn)
            for name, shelf in shelves.items():
                for frame, slot in shelf.items():
                    at = f"slot/{object_id}/{name}/{frame}/"
                    tensors |= {f"{at}cells": slot.cells, f"{at}pointer": slot.pointer}
            tensors |= {
                f"pointer/{object_id}/{f}": pointer for f, pointer in held.pointers.items()
            }
            tensors |= {f"drawn/{object_id}/{f}": cells for f, cells in held.drawn.items()}
            tensors[f"past/{object_id}"] = _packed(held.past)
        return {name: t.contiguous() for name, t in tensors.items()}, order

    def unpack(
        self,
        tensors: Mapping[str, Tensor],
        order: Mapping[str, Mapping[str, list[int]]],
        keys_of: Callable[[Tensor], Tensor],
    ) -> None:
        """Put what `pack` gave in place of the bank's own content.  keys_of: a slot's keys of
        its cells.
        """
        self.objects = {}
        for object_id, frames in order.items():
            shelves: dict[str, dict[int, Slot]] = {}
            for name in _SLOTS:
                at = f"slot/{object_id}/{name}"
                shelves[name] = {
                    f: Slot(cells, keys_of(cells), tensors[f"{at}/{f}/pointer"])
                    for f in frames[name]
                    for cells in (tensors[f"{at}/{f}/cells"],)
                }
            pointers = {f: tensors[f"pointer/{object_id}/{f}"] for f in frames["pointers"]}
            drawn = {f: tensors[f"drawn/{object_id}/{f}"] for f in frames["drawn"]}
            past = dict(
                zip(frames["past"], _unpacked(tensors[f"past/{object_id}"]), strict=True)
            )
            self.objects[int(object_id)] = ObjectSlots(
                **shelves, pointers=pointers, drawn=drawn, past=past
            )


def _alone(slot: Slot) -> Slot:
    return Slot(_own(slot.cells), _own(slot.keys), _own(slot.pointer))


def _own(row: Tensor) -> Tensor:
    """The same in memory of its own: a row of a batch would keep the rows of all objects."""
    return row if row.untyped_storage().nbytes() == row.nbytes else row.clone()


def _packed(past: History) -> Float[Tensor, "N 7"]:
    """Glimpses as numbers; float64 holds each of them exactly."""
    rows = [
        (*observation.box, observation.area, observation.quality, observation.anchor)
        for observation in past.values()
    ]
    return torch.tensor(rows, dtype=torch.float64).reshape(-1, 7)


def _unpacked(rows: Float[Tensor, "N 7"]) -> list[Observation]:
    return [
        Observation(area, (x1, y1, x2, y2), quality, bool(anchor))
        for x1, y1, x2, y2, area, quality, anchor in rows.tolist()
    ]


def _drop_first(shelf: dict[int, Any], limit: int) -> None:
    while len(shelf) > limit:
        del shelf[next(iter(shelf))]
