"""What the memory bank keeps and drops."""

from dataclasses import replace

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from vseg.config import MemorySettings
from vseg.errors import BadConfig
from vseg.session.memory.affinity_bank import AffinityBank
from vseg.tensors import MemoryEntry, MemoryPart


def entry(frame: int, *objects: int) -> MemoryEntry:
    key = torch.full((4, 2, 3), float(frame))
    return MemoryEntry(
        frame, key, {o: torch.full((5, 2, 3), 100.0 * o + frame) for o in objects}
    )


def values_of(part: MemoryPart, row: int) -> Float[Tensor, "V M"]:
    """Of one of the part's objects."""
    if not part.own:
        return part.values[row]
    own = part.own[row]
    return part.values[0].index_add(1, own.cells, own.differences)


def filled(frames: range, budget: MemorySettings) -> AffinityBank:
    bank = AffinityBank(budget)
    bank.write_prompted(entry(0, 1))
    for frame in frames:
        bank.write_recent(entry(frame, 1))
    return bank


def test_memory_is_bounded_and_the_past_is_spread() -> None:
    bank = filled(range(5, 505, 5), MemorySettings(prompted=2, recent=3, older=4))
    stored = bank.objects[1]
    assert list(stored.recent) == [490, 495, 500]
    assert len(stored.older) == 4 and min(stored.older) == 5
    assert set(bank.keys) == stored.frames(), "keys of forgotten frames are freed"


def test_the_nearest_prompted_frames_stay() -> None:
    bank = AffinityBank(MemorySettings(prompted=2))
    for frame in (0, 100, 110):
        bank.write_prompted(entry(frame, 1))
    assert sorted(bank.objects[1].prompted) == [100, 110]


def test_reading_marks_what_an_object_does_not_have() -> None:
    bank = AffinityBank(MemorySettings())
    bank.write_prompted(entry(0, 1, 2))
    bank.write_recent(entry(5, 1))
    memory = bank.read([2, 1])
    assert memory.objects == 2 and [part.rows for part in memory.parts] == [(0, 1), (1,)]
    both, one = memory.parts
    assert both.key.shape == one.key.shape == (4, 6)
    assert [values_of(both, row)[0].tolist() for row in (0, 1)] == [[200.0] * 6, [100.0] * 6]
    assert one.values.shape == (1, 5, 6) and one.values[0, 0].tolist() == [105.0] * 6


def test_objects_of_different_prompts_are_due_on_the_same_frames() -> None:
    bank = AffinityBank(MemorySettings(stride=5))
    assert bank.due(1, 3)
    bank.write_prompted(entry(10, 1))
    bank.write_prompted(entry(13, 2))
    for obj in (1, 2):
        assert not bank.due(obj, 14) and bank.due(obj, 15) and bank.due(obj, 9)


def test_forgetting_keeps_prompts_and_the_other_side() -> None:
    bank = filled(range(5, 25, 5), MemorySettings(recent=4))
    bank.forget(1, after=10)
    assert bank.objects[1].frames() == {0, 5, 10}
    bank.forget(1, after=10, reverse=True)
    assert bank.objects[1].frames() == {0, 10}


def test_state_bytes_counts_keys_once() -> None:
    bank = AffinityBank(MemorySettings())
    bank.write_prompted(entry(0, 1, 2))
    assert bank.state_bytes() == 4 * (4 * 6 + 2 * (5 + 1) * 6)
    bank.remove(1)
    bank.remove(2)
    assert bank.state_bytes() == 0


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(BadConfig, match="MemorySettings: recent = 0"):
        MemorySettings(recent=0)


def test_the_share_of_a_mask_is_read_beside_its_value_and_zero_where_it_is_not_known() -> None:
    bank = AffinityBank(MemorySettings())
    share = torch.tensor([[0.0, 0.25, 1.0], [0.5, 0.0, 0.0]])
    bank.write_prompted(replace(entry(0, 1, 2), shares={2: share}))
    other = AffinityBank(MemorySettings())
    other.unpack(*bank.pack())
    for one in (bank, other):
        (part,) = one.read([1, 2]).parts
        assert values_of(part, 0).shape == (5, 6)
        assert part.shares is not None
        assert part.shares[1].equal(share.flatten()) and not part.shares[0].any()


def test_what_objects_remember_alike_is_read_once() -> None:
    torch.manual_seed(0)
    background = torch.randn(5, 8, 8)
    bank = AffinityBank(MemorySettings())
    values = {k: background.clone() for k in (1, 2, 3)}
    for row, mine in enumerate(values.values()):  # neighbours overlap by a row of cells
        mine[:, row : row + 2] = torch.randn(5, 2, 8)
    bank.write_prompted(MemoryEntry(0, torch.randn(4, 8, 8), values))
    (part,) = bank.read([1, 2, 3]).parts
    assert part.values.shape == (1, 5, 64)
    for row, expected in enumerate(values.values()):
        torch.testing.assert_close(values_of(part, row), expected.flatten(1))
        assert len(part.own[row].cells) == 32, "16 cells, and filled to a multiple"
    (alone,) = bank.read([2]).parts
    assert not alone.own and alone.values[0].equal(values[2].flatten(1))


@pytest.mark.parametrize("count", [2, 3, 10])
def test_objects_that_share_nothing_are_read_as_such(count: int) -> None:
    torch.manual_seed(0)
    values = {k: torch.randn(5, 8, 8) for k in range(count)}
    bank = AffinityBank(MemorySettings())
    bank.write_prompted(MemoryEntry(0, torch.randn(4, 8, 8), values))
    (part,) = bank.read(list(values)).parts
    for row, expected in enumerate(values.values()):
        torch.testing.assert_close(values_of(part, row), expected.flatten(1))
    named = sum(int((own.differences != 0).any(dim=0).sum()) for own in part.own)
    assert named <= 64 * (count - 1), "never more than was read of all"
