"""Old memories made smaller: what stands for what, and how close the result stays."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.sam_models import saved_model
from vseg.config import ApproximationName, MemorySettings
from vseg.errors import BadConfig
from vseg.interfaces.slot_model import Slot, SlotShape
from vseg.models.sam2.attention import attend, fused
from vseg.models.sam2.files import read_parts
from vseg.models.sam2.model import Sam
from vseg.session.memory.approximation import Approximation, Pooled, Pruned
from vseg.session.memory.slot_bank import SlotBank
from vseg.session.memory.slot_budget import SlotBudget
from vseg.session.session import Session
from vseg.types import Frame

pytestmark = pytest.mark.integration

SHAPE = SlotShape(tokens=66, grid=(8, 8), channels=1, layers=1, width=1, pointer=4, itemsize=4)
"""Two tokens on no cell, then 8 x 8."""


def counted() -> Slot:
    """Cells that hold their own number, keys that hold its negative."""
    cells = torch.arange(66.0)[:, None]
    return Slot(cells, -cells[None], torch.zeros(4))


def mask(x1: int, y1: int, x2: int, y2: int) -> torch.Tensor:
    logits = torch.full((32, 32), -1.0)
    logits[y1:y2, x1:x2] = 1.0
    return logits


def test_pooling_takes_means_of_four() -> None:
    small = Pooled(SHAPE).merged(counted(), torch.zeros(8, 8, dtype=torch.bool))
    assert small.cells[:4, 0].tolist() == [0, 1, 2 + 4.5, 2 + 6.5]
    assert torch.equal(small.keys[0], -small.cells)
    assert len(small.cells) == 2 + 16 and small.merged is not None
    assert small.merged.bias.exp().round().tolist() == [1, 1] + 16 * [4]
    assert small.merged.places[2].tolist() == [2, 3, 10, 11]


def test_pruning_keeps_the_neighbourhood_and_one_cell_of_every_block() -> None:
    rule = Pruned(SHAPE)
    drawn = rule.neighbourhood(mask(0, 0, 3, 3))
    assert drawn.nonzero().max() == 2 and int(drawn.sum()) == 9, "one cell and two beside it"
    small = rule.merged(counted(), drawn)
    assert small.merged is not None
    near = [2 + 8 * row + column for row in range(3) for column in range(3)]
    first = [2 + 3, 2 + 4, 2 + 32, 2 + 36]
    assert small.merged.places[:, 0].tolist() == sorted([0, 1, *near, *first])
    weight = dict(
        zip(small.cells[:, 0].tolist(), small.merged.bias.exp().round().tolist(), strict=True)
    )
    assert {place: weight[place] for place in first} == {5: 7, 6: 16, 34: 16, 38: 16}


@pytest.mark.parametrize("kind", [Pooled, Pruned])
@pytest.mark.parametrize("box", [(0, 0, 0, 0), (4, 8, 20, 30), (0, 0, 32, 32)])
def test_tokens_together_stand_for_all(
    kind: type[Approximation], box: tuple[int, int, int, int]
) -> None:
    rule = kind(SHAPE)
    small = rule.merged(counted(), rule.neighbourhood(mask(*box)))
    assert small.merged is not None
    assert float(small.merged.bias.exp().sum()) == pytest.approx(66, abs=1e-3)


def test_a_bias_of_log_n_is_the_key_n_times() -> None:
    torch.manual_seed(0)
    query = torch.randn(1, 700, 8)
    key = torch.randn(1, 5, 8)
    value = torch.randn(1, 5, 3)
    times = torch.tensor([1, 4, 2, 1, 3])
    bias = times.float().log()[None]
    whole = attend(query, key.repeat_interleave(times, 1), value.repeat_interleave(times, 1))
    torch.testing.assert_close(attend(query, key, value, bias), whole)
    torch.testing.assert_close(fused(query, key, value, bias), whole)


def test_only_old_recent_slots_are_made_smaller() -> None:
    bank = SlotBank(
        SlotBudget(prompted=2, recent=3, pointers=5),
        lambda cells: cells[None],
        approximation=Pooled(SHAPE),
    )
    for t in range(8):
        bank.write(1, t, counted(), prompted=t == 0, logits=mask(0, 0, 4, 4))
    size = bank.state_bytes()
    read = [(age, slot.merged is None) for age, slot in bank.read(1, 8).slots]
    assert read == [(0, True), (3, False), (2, False), (1, True)]
    for t in range(8, 60):
        bank.write(1, t, counted(), prompted=False, logits=mask(0, 0, 4, 4))
        assert bank.state_bytes() == size
    assert list(bank.objects[1].mask_cells) == list(bank.objects[1].recent)


FLAT = Frame(0, None, 0.0, np.full((60, 90, 3), 90, np.uint8))


@pytest.mark.parametrize("kind", ["sam2", "edgetam"])
@pytest.mark.parametrize("approximation", ["pooled", "pruned"])
def test_sessions_stay_near_the_exact_ones_and_resume(
    kind: str, approximation: ApproximationName, tmp_path: Path
) -> None:
    """On an image of one colour most cells of a memory are alike, so little is lost by merging
    them.
    """
    saved_model(kind, tmp_path)
    model = Sam(read_parts(tmp_path, kind), device=torch.device("cpu"), dtype=torch.float32)
    memory = MemorySettings(approximation=approximation)
    frames = [Frame(t, None, t / 10, FLAT.image) for t in range(12)]
    with Session(model) as exact, Session(model, memory=memory) as session:
        exact.prompt(1, frames[0], box=(5, 5, 50, 50))
        session.prompt(1, frames[0], box=(5, 5, 50, 50))
        far = []
        for t, frame in enumerate(frames[:9]):
            one = exact.step(frame).logits
            two = session.step(frame).logits
            far.append(float(np.abs(one - two).max()))
            if t < 3:
                np.testing.assert_array_equal(one, two)
        assert far[-1] < 0.1 * np.abs(one).max()
        all_drawn = (kind, approximation) == ("sam2", "pruned")  # its mask touches every cell
        assert (far[-1] == 0) == all_drawn, "another result, where a token was left out"
        with Session(model, memory=memory) as other:
            other.restore(session.snapshot())
            for frame in frames[9:]:
                np.testing.assert_array_equal(
                    session.step(frame).logits, other.step(frame).logits
                )


def test_an_unknown_approximation_is_named() -> None:
    with pytest.raises(
        BadConfig, match=r"approximation = 'half'.*'none', 'pooled' or 'pruned'"
    ):
        MemorySettings.model_validate({"approximation": "half"})
