"""What the memory in slots keeps, drops, and lets an object read."""

import pytest
import torch
from torch import Tensor

from vseg.errors import UsageError
from vseg.interfaces.memory_policy import MemoryDecision
from vseg.interfaces.slot_model import Slot, SlotShape
from vseg.session.memory.slot_bank import SlotBank
from vseg.session.memory.slot_budget import SlotBudget, SlotLimit

BUDGET = SlotBudget(prompted=2, recent=3, pointers=5)


def slot(frame: int) -> Slot:
    mark = float(frame)
    return Slot(torch.full((4, 2), mark), torch.full((1, 4, 3), mark), torch.full((6,), mark))


def keys_of(cells: Tensor) -> Tensor:
    return cells[None, :, :1].expand(1, 4, 3)


def filled(frames: int) -> SlotBank:
    bank = SlotBank(BUDGET, keys_of)
    bank.write(1, 0, slot(0), prompted=True)
    for frame in range(1, frames):
        bank.write(1, frame, slot(frame), prompted=False)
    return bank


def test_slots_are_read_by_age_and_pointers_reach_further() -> None:
    memory = filled(10).read(1, 10)
    assert [(age, int(s.cells[0, 0])) for age, s in memory.slots] == [
        (0, 0),
        (3, 7),
        (2, 8),
        (1, 9),
    ]
    ages = {age: int(pointer[0]) for age, pointer in memory.pointers}
    assert ages == {10: 0, 5: 5, 4: 6, 3: 7, 2: 8, 1: 9}


def test_backward_reads_what_lies_ahead() -> None:
    bank = SlotBank(BUDGET, keys_of)
    bank.write(1, 20, slot(20), prompted=True)
    bank.write(1, 19, slot(19), prompted=False)
    memory = bank.read(1, 18, reverse=True)
    assert [age for age, _ in memory.slots] == [0, 1]
    assert [age for age, _ in memory.pointers] == [2, 1]
    forward = bank.read(1, 18)
    assert [age for age, _ in forward.slots] == [0] and not forward.pointers


def test_old_frames_are_out_of_reach_though_they_are_held() -> None:
    assert [age for age, _ in filled(5).read(1, 50).slots] == [0]


def test_memory_stops_growing_over_two_thousand_frames() -> None:
    bank = filled(20)
    size = bank.state_bytes()
    for frame in range(20, 2000):
        bank.write(1, frame, slot(frame), prompted=False)
        assert bank.state_bytes() == size


def test_the_nearest_prompted_frames_stay() -> None:
    bank = SlotBank(BUDGET, keys_of)
    for frame in (0, 100, 110):
        bank.write(1, frame, slot(frame), prompted=True)
    assert sorted(bank.objects[1].prompted) == [100, 110]


def test_forgetting_dropping_and_removing() -> None:
    bank = filled(6)
    bank.forget(1, after=3)
    assert list(bank.objects[1].recent) == [2, 3] and max(bank.objects[1].pointers) == 3
    bank.drop(1, 0)
    assert not bank.knows(1), "an object without a prompted frame cannot be tracked"
    bank.remove(1)
    assert bank.state_bytes() == 0


def test_packing_loses_nothing() -> None:
    bank = filled(8)
    other = SlotBank(BUDGET, keys_of)
    packed, order = bank.pack()
    assert not [name for name in packed if "keys" in name]
    other.unpack(packed, order)
    one = bank.read(1, 8)
    two = other.read(1, 8)
    assert [age for age, _ in one.slots] == [age for age, _ in two.slots]
    for (_, a), (_, b) in zip(one.pointers, two.pointers, strict=True):
        assert torch.equal(a, b)
    for (_, c), (_, d) in zip(one.slots, two.slots, strict=True):
        assert torch.equal(c.cells, d.cells) and torch.equal(c.keys, d.keys)
    assert other.state_bytes() >= bank.state_bytes()


def test_an_impossible_budget_is_refused() -> None:
    with pytest.raises(UsageError, match="impossible"):
        SlotBudget(prompted=0, recent=6, pointers=15)


# One slot of 4 tokens in float32: 4 * (2 + 3) + 6 numbers, 104 bytes; a pointer alone is 24
# bytes.
SHAPE = SlotShape(
    tokens=4,
    grid=(2, 2),
    channels=2,
    layers=1,
    width=3,
    pointer=6,
    itemsize=torch.float32.itemsize,
)


def limited(bytes_: int) -> SlotBudget:
    return SlotBudget(prompted=2, recent=3, pointers=5, limit=SlotLimit(bytes_ / 2**20, SHAPE))


def test_a_slots_size_is_known_before_one_is_written() -> None:
    one = slot(0)
    held = [one.cells, one.keys, one.pointer]
    assert SHAPE.bytes == sum(t.numel() * t.element_size() for t in held) == 104
    assert SHAPE.pointer_bytes == 24


def test_a_limit_takes_prompted_and_recent_slots_in_turn() -> None:
    """Six pointers and (prompted + recent + 1) slots: of two objects, each has half."""
    budgets = {slots: limited(2 * (6 * 24 + slots * 104)) for slots in range(3, 7)}
    left = {
        slots: (most := b.most_prompted(2), b.most_recent(2, 1), b.most_recent(2, most))
        for slots, b in budgets.items()
    }
    assert left == {3: (1, 1, 1), 4: (1, 2, 2), 5: (2, 3, 2), 6: (2, 3, 3)}


def test_the_limit_holds_for_all_objects_together() -> None:
    limit = 2 * (6 * 24 + 4 * 104)
    bank = SlotBank(limited(limit), keys_of)
    for frame in range(30):
        bank.write(1, frame, slot(frame), prompted=frame in (0, 5))
        assert bank.state_bytes() <= limit
    assert (list(bank.objects[1].prompted), len(bank.objects[1].recent)) == ([0, 5], 4)
    for frame in range(30, 60):
        for obj in (1, 2):
            bank.write(obj, frame, slot(frame), prompted=(obj, frame) == (2, 30))
        assert bank.state_bytes() <= limit
    assert {o: (list(h.prompted), len(h.recent)) for o, h in bank.objects.items()} == {
        1: ([5], 3),
        2: ([30], 3),
    }, "the first object gave up its farther prompted frame and a recent one"
    bank.remove(2)
    for frame in range(60, 70):
        bank.write(1, frame, slot(frame), prompted=False)
    assert len(bank.objects[1].recent) == 4, "what is free again is used again"


def test_one_object_too_many_is_refused_by_name() -> None:
    bank = SlotBank(limited(6 * 24 + 3 * 104), keys_of)
    bank.write(1, 0, slot(0), prompted=True)
    size = bank.state_bytes()
    with pytest.raises(
        UsageError, match=r"too small for 2 objects.*--memory-budget \d"
    ) as caught:
        bank.write(2, 0, slot(0), prompted=True)
    assert "0.000434875 MiB" in str(caught.value) and "0.0 MiB" in str(caught.value)
    assert list(bank.objects) == [1] and bank.state_bytes() == size
    bank.admit(1)


def test_what_is_held_is_not_part_of_a_batch() -> None:
    cells = torch.zeros(3, 4, 2)
    keys = torch.zeros(3, 1, 4, 3)
    pointers = torch.zeros(3, 6)
    slot = Slot(cells[1], keys[1], pointers[1])
    bank = SlotBank(BUDGET, keys_of)
    bank.write(1, 0, slot, prompted=True)
    bank.write(1, 1, slot, prompted=False)
    bank.write(1, 2, slot, prompted=False, decision=MemoryDecision(kept=False))
    for tensor in bank.objects[1].tensors():
        assert tensor.untyped_storage().nbytes() == tensor.nbytes
