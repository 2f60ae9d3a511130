"""What a session may rely on with every memory bank."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from vseg.config import MemorySettings
from vseg.interfaces.memory_bank import MemoryBank
from vseg.interfaces.slot_model import Slot
from vseg.session.memory.affinity_bank import AffinityBank
from vseg.session.memory.object_banks import ObjectBanks
from vseg.session.memory.selective import Selective
from vseg.session.memory.slot_bank import SlotBank
from vseg.session.memory.slot_budget import SlotBudget
from vseg.tensors import MemoryEntry

ONE = 1
OTHER = 2


def keys_of(cells: Tensor) -> Tensor:
    """As a model makes them: from the cells alone."""
    return cells[None, :, :1].expand(1, 4, 3) * 2


def write_affinity(bank: MemoryBank, object_id: int, frame: int, prompted: bool) -> None:
    assert isinstance(bank, AffinityBank)
    value = torch.full((5, 2, 3), 100.0 * object_id + frame)
    entry = MemoryEntry(frame, torch.full((4, 2, 3), float(frame)), {object_id: value})
    (bank.write_prompted if prompted else bank.write_recent)(entry)


def write_crop(bank: MemoryBank, object_id: int, frame: int, prompted: bool) -> None:
    """A small object, which is in both banks."""
    assert isinstance(bank, ObjectBanks)
    write_affinity(bank, object_id, frame, prompted)
    write_affinity(bank.of_crop(object_id), object_id, frame, prompted)


def write_slot(bank: MemoryBank, object_id: int, frame: int, prompted: bool) -> None:
    assert isinstance(bank, SlotBank)
    cells = torch.full((4, 2), 100.0 * object_id + frame)
    slot = Slot(cells, keys_of(cells).contiguous(), torch.full((6,), float(frame)))
    bank.write(object_id, frame, slot, prompted=prompted)


def read_affinity(bank: MemoryBank, object_id: int, frame: int) -> list[Tensor]:
    assert isinstance(bank, AffinityBank)
    parts = bank.read([object_id]).parts
    return [tensor for part in parts for tensor in (part.key, part.values)]


def read_crop(bank: MemoryBank, object_id: int, frame: int) -> list[Tensor]:
    assert isinstance(bank, ObjectBanks)
    whole = read_affinity(bank, object_id, frame)
    return [*whole, *read_affinity(bank.of_crop(object_id), object_id, frame)]


def read_slot(bank: MemoryBank, object_id: int, frame: int) -> list[Tensor]:
    assert isinstance(bank, SlotBank)
    memory = bank.read(object_id, frame)
    slots = [t for _, slot in memory.slots for t in (slot.cells, slot.keys, slot.pointer)]
    return [*slots, *(pointer for _, pointer in memory.pointers)]


@dataclass(frozen=True)
class Case:
    """One kind of bank, and how its engine writes and reads it."""

    open: Callable[[], MemoryBank]
    write: Callable[[MemoryBank, int, int, bool], None]
    read: Callable[[MemoryBank, int, int], list[Tensor]]

    def filled(self, frames: int = 60) -> MemoryBank:
        """A bank with one object prompted on frame 0 and tracked to the last of the frames."""
        bank = self.open()
        for frame in range(frames):
            self.write(bank, ONE, frame, frame == 0)
        return bank


SLOTS = SlotBudget(prompted=2, recent=3, pointers=5)
CASES = {
    "affinity": Case(
        lambda: AffinityBank(MemorySettings(prompted=2, recent=2, older=3)),
        write_affinity,
        read_affinity,
    ),
    "crops": Case(
        lambda: ObjectBanks(MemorySettings(prompted=2, recent=2, older=3)),
        write_crop,
        read_crop,
    ),
    "slots": Case(lambda: SlotBank(SLOTS, keys_of), write_slot, read_slot),
    "selective slots": Case(
        lambda: SlotBank(SLOTS, keys_of, Selective()), write_slot, read_slot
    ),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def test_it_is_a_memory_bank(case: Case) -> None:
    assert isinstance(case.open(), MemoryBank)


def test_an_object_is_known_from_its_first_prompted_frame_until_it_is_removed(
    case: Case,
) -> None:
    bank = case.open()
    bank.admit(ONE)
    assert not bank.knows(ONE)
    case.write(bank, ONE, 0, True)
    assert bank.knows(ONE) and not bank.knows(OTHER)
    bank.remove(ONE)
    assert not bank.knows(ONE) and bank.state_bytes() == 0


def test_memory_is_bounded_once_full(case: Case) -> None:
    bank = case.filled(60)
    full = bank.state_bytes()
    for frame in range(60, 600):
        case.write(bank, ONE, frame, False)
        assert bank.state_bytes() == full


def test_prompted_frames_are_bounded_too(case: Case) -> None:
    bank = case.open()
    for frame in range(10):
        case.write(bank, ONE, frame, True)
    full = bank.state_bytes()
    for frame in range(10, 40):
        case.write(bank, ONE, frame, True)
    assert bank.state_bytes() == full


def test_what_was_tracked_beyond_a_frame_is_forgotten_and_the_prompt_stays(case: Case) -> None:
    bank = case.filled(20)
    bank.forget(ONE, after=0)
    prompted = case.open()
    case.write(prompted, ONE, 0, True)
    assert bank.knows(ONE) and bank.state_bytes() == prompted.state_bytes()
    same_bits(case.read(bank, ONE, 1), case.read(prompted, ONE, 1))


def test_forgetting_backward_keeps_what_lies_ahead(case: Case) -> None:
    bank = case.filled(20)
    before = case.read(bank, ONE, 20)
    bank.forget(ONE, after=0, reverse=True)
    same_bits(case.read(bank, ONE, 20), before)


def test_one_frame_can_be_dropped(case: Case) -> None:
    bank = case.open()
    case.write(bank, ONE, 0, True)
    bank.drop(ONE, 7)
    assert bank.knows(ONE), "nothing was remembered of frame 7"
    bank.drop(ONE, 0)
    assert not bank.knows(ONE)


def test_an_object_it_does_not_know_is_no_error(case: Case) -> None:
    bank = case.filled(3)
    held = bank.state_bytes()
    bank.forget(OTHER, after=0)
    bank.drop(OTHER, 0)
    bank.remove(OTHER)
    assert bank.state_bytes() == held


def test_what_is_packed_is_read_back_with_the_same_bits(case: Case) -> None:
    bank = case.filled(17)
    case.write(bank, OTHER, 17, True)
    tensors, frames = bank.pack()
    restored = case.filled(3)  # what it held before is replaced
    foreign = {"identity/1/prompted": torch.ones(1)}  # a snapshot holds more than the memory
    restored.unpack({**tensors, **foreign}, frames)
    assert restored.state_bytes() == bank.state_bytes()
    for frame in range(18, 60):
        for object_id in (ONE, OTHER):
            expected = case.read(bank, object_id, frame)
            same_bits(case.read(restored, object_id, frame), expected)
            case.write(bank, object_id, frame, False)
            case.write(restored, object_id, frame, False)
    assert restored.pack()[1] == bank.pack()[1]


def same_bits(one: list[Tensor], other: list[Tensor]) -> None:
    assert len(one) == len(other)
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
