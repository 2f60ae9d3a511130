"""What a memory bank may rely on with every policy, and with every approximation of what is
old.
"""

from collections.abc import Callable

import pytest
import torch

from vseg.interfaces.memory_policy import HISTORY, History, MemoryPolicy, Observation
from vseg.interfaces.slot_model import Slot, SlotShape
from vseg.session.memory.approximation import Approximation, Pooled, Pruned
from vseg.session.memory.recent import Recent
from vseg.session.memory.selective import Selective
from vseg.session.memory.slot_bank import SlotBank
from vseg.session.memory.slot_budget import SlotBudget
from vseg.tensors import Decoded, Hypotheses

SIDE = 16
SHAPE = SlotShape(tokens=18, grid=(4, 4), channels=2, layers=1, width=2, pointer=3, itemsize=4)
"""Two tokens on no cell, then 4 x 4."""
POLICIES: dict[str, Callable[[], MemoryPolicy]] = {"recent": Recent, "selective": Selective}
APPROXIMATIONS: dict[str, Callable[[], Approximation | None]] = {
    "exact": lambda: None,
    "pooled": lambda: Pooled(SHAPE),
    "pruned": lambda: Pruned(SHAPE),
}


@pytest.fixture(params=POLICIES)
def policy(request: pytest.FixtureRequest) -> MemoryPolicy:
    return POLICIES[request.param]()


def decoded(objects: int, *, seed: int = 0, several: bool = True) -> Decoded:
    """Three proposals for each object, of which the first stands."""
    draw = torch.Generator().manual_seed(seed)
    offered = Hypotheses(
        torch.randn(objects, 3, SIDE, SIDE, generator=draw) * 8,
        torch.rand(objects, 3, generator=draw),
        torch.randn(objects, 3, 4, generator=draw),
    )
    return Decoded(
        offered.logits[:, 0],
        offered.quality[:, 0],
        torch.rand(objects, generator=draw),
        offered.embedding[:, 0],
        offered if several else None,
    )


def pasts(objects: int) -> list[History]:
    """Objects seen well for as long as a policy may look back, going right, and new ones."""
    moving = {t: Observation(16, (t, 4, t + 4, 8), 0.9, anchor=t == 0) for t in range(HISTORY)}
    return [moving if row % 2 == 0 else {} for row in range(objects)]


def tensors_of(of: Decoded) -> list[torch.Tensor]:
    return [of.logits, of.quality, of.presence, of.embedding]


def test_is_a_policy(policy: MemoryPolicy) -> None:
    assert isinstance(policy, MemoryPolicy)
    assert isinstance(policy.by_rank, bool)


@pytest.mark.parametrize("objects", [1, 4])
def test_every_row_has_a_decision_and_a_mask_that_was_proposed(
    policy: MemoryPolicy, objects: int
) -> None:
    seen = decoded(objects)
    stands, decisions = policy.decide(HISTORY, seen, pasts(objects))
    assert len(decisions) == objects and stands.logits.shape == seen.logits.shape
    assert seen.alternatives is not None
    for row, proposed in enumerate(seen.alternatives.logits):
        assert any(torch.equal(stands.logits[row], each) for each in proposed)
    assert torch.equal(stands.presence, seen.presence)
    for decision in decisions:
        assert decision.kept or not decision.anchor, "what is anchored is kept"


def test_where_one_mask_was_proposed_it_stands(policy: MemoryPolicy) -> None:
    seen = decoded(3, several=False)
    stands, decisions = policy.decide(HISTORY, seen, pasts(3))
    assert all(map(torch.equal, tensors_of(stands), tensors_of(seen)))
    assert len(decisions) == 3


def test_objects_are_decided_as_alone(policy: MemoryPolicy) -> None:
    seen = decoded(4)
    stands, decisions = policy.decide(HISTORY, seen, pasts(4))
    for row, past in enumerate(pasts(4)):
        alone, (decision,) = policy.decide(HISTORY, seen.row(row), [past])
        assert torch.equal(alone.logits[0], stands.logits[row])
        assert decision == decisions[row]


def test_all_it_knows_of_the_past_is_what_it_is_given(policy: MemoryPolicy) -> None:
    seen = decoded(2)
    before = [tensor.clone() for tensor in tensors_of(seen)]
    first, decisions = policy.decide(HISTORY, seen, pasts(2))
    policy.decide(HISTORY + 1, decoded(2, seed=1), [{}, {}])
    again, repeated = policy.decide(HISTORY, seen, pasts(2))
    assert repeated == decisions
    assert all(map(torch.equal, tensors_of(again), tensors_of(first)))
    assert all(map(torch.equal, tensors_of(seen), before)), "and its input stays as it is"


def test_an_object_that_is_absent_anchors_nothing(policy: MemoryPolicy) -> None:
    seen = decoded(2)
    seen.presence.zero_()
    for decision in policy.decide(HISTORY, seen, pasts(2))[1]:
        assert not decision.anchor


def slot(frame: int) -> Slot:
    cells = torch.full((SHAPE.tokens, SHAPE.channels), float(frame))
    return Slot(cells, cells[None].clone(), torch.full((SHAPE.pointer,), float(frame)))


def filled(policy: MemoryPolicy, approximation: Approximation | None, frames: int) -> SlotBank:
    """The bank of one object that was prompted on frame 0 and is kept on every other."""
    bank = SlotBank(
        SlotBudget(prompted=2, recent=3, pointers=5),
        lambda cells: cells[None].clone(),
        policy,
        approximation,
    )
    logits = torch.full((SIDE, SIDE), -8.0)
    logits[4:9, 4:9] = 8.0
    for t in range(frames):
        bank.write(1, t, slot(t), prompted=t == 0, logits=logits)
    return bank


@pytest.mark.parametrize("approximation", APPROXIMATIONS)
def test_a_bank_with_it_is_bounded_and_can_be_packed(
    policy: MemoryPolicy, approximation: str
) -> None:
    make = APPROXIMATIONS[approximation]
    sizes = {filled(policy, make(), frames).state_bytes() for frames in (12, 20, 60)}
    assert len(sizes) == 1, "not a byte more once the memory is full"
    bank = filled(policy, make(), 20)
    other = filled(policy, make(), 1)
    other.unpack(*bank.pack())
    read = zip(bank.read(1, 20).slots, other.read(1, 20).slots, strict=True)
    for (age, ours), (restored_age, theirs) in read:
        assert age == restored_age
        assert torch.equal(ours.cells, theirs.cells) and torch.equal(ours.keys, theirs.keys)


@pytest.mark.parametrize("approximation", APPROXIMATIONS)
def test_prompted_and_newest_slots_are_read_whole(
    policy: MemoryPolicy, approximation: str
) -> None:
    bank = filled(policy, APPROXIMATIONS[approximation](), 20)
    prompted, *older, newest = (each for _, each in bank.read(1, 20).slots)
    assert prompted.merged is None and newest.merged is None
    for each in older:
        assert (each.merged is None) == (approximation == "exact")
        if each.merged is not None:
            stands_for = float(each.merged.bias.exp().sum())
            assert stands_for == pytest.approx(SHAPE.tokens, abs=1e-3)
