"""What the memory in slots keeps, drops, and lets an object read."""

import pytest
import torch

from vseg.errors import UsageError
from vseg.memory.slot_bank import SlotBank, SlotBudget
from vseg.slots import Slot

BUDGET = SlotBudget(prompted=2, recent=3, pointers=5)


def slot(frame: int) -> Slot:
    mark = float(frame)
    return Slot(torch.full((4, 2), mark), torch.full((1, 4, 3), mark), torch.full((6,), mark))


def filled(frames: int) -> SlotBank:
    bank = SlotBank(BUDGET)
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
    bank = SlotBank(BUDGET)
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
    bank = SlotBank(BUDGET)
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
    bank, other = filled(8), SlotBank(BUDGET)
    other.unpack(*bank.pack())
    one, two = bank.read(1, 8), other.read(1, 8)
    assert [age for age, _ in one.slots] == [age for age, _ in two.slots]
    for (_, a), (_, b) in zip(one.pointers, two.pointers, strict=True):
        assert torch.equal(a, b)
    assert other.state_bytes() >= bank.state_bytes()


def test_an_impossible_budget_is_refused() -> None:
    with pytest.raises(UsageError, match="impossible"):
        SlotBudget(prompted=0, recent=6, pointers=15)
