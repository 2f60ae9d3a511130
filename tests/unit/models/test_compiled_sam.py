"""Padded rows and memories change nothing, and after the warm-up nothing is compiled any
more.
"""

import json
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.sam_models import FAMILY, saved_model
from vseg.interfaces.slot_model import Slot, SlotMemory
from vseg.models.sam2.files import read_parts
from vseg.models.sam2.model import Sam
from vseg.models.sam2.padded_memory import MISSING, MemorySpan, padded, sized, span_of
from vseg.types import Box, Frame

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]


def made_slots(model: Sam, count: int) -> list[Slot]:
    """Slots of one object on frames of noise."""
    rng = np.random.default_rng(0)
    slots = []
    for t in range(count):
        frame = Frame(t, None, t / 10, rng.integers(0, 255, (60, 90, 3), dtype=np.uint8))
        features = model.encode([frame])[0]
        decoded = model.decode_prompts(features, [[Box(5, 5, 40, 40)]])
        slots += model.encode_memory(features, decoded, [True], {})
    return slots


def memories(slots: list[Slot]) -> list[SlotMemory]:
    """Of an object that is full, of one just met, and of one with three prompted frames, one
    ahead.
    """
    recent = tuple((age, slots[age % len(slots)]) for age in range(6, 0, -1))
    pointers = tuple((age, slots[age % len(slots)].pointer) for age in range(15, 0, -1))
    fixed = tuple((0, slot) for slot in slots)
    return [
        SlotMemory(((0, slots[0]), *recent), ((3000, slots[0].pointer), *pointers)),
        SlotMemory(((0, slots[1]),), ((1, slots[1].pointer),)),
        SlotMemory((*fixed, *recent[3:]), ((7, slots[2].pointer), *pointers[9:])),
    ]


@pytest.mark.parametrize("kind", FAMILY)
def test_padding_changes_no_object(kind: str, tmp_path: Path) -> None:
    saved_model(kind, tmp_path)
    model = Sam(read_parts(tmp_path, kind), device=torch.device("cpu"), dtype=torch.float32)
    slots = made_slots(model, 3)
    asked = memories(slots)
    coarse = model.encode([Frame(9, None, 0.9, np.zeros((60, 90, 3), np.uint8))])[0].levels[2]
    with torch.inference_mode():
        apart = model._memory.read(coarse, asked)
        for rows in (3, 4, 8):
            span = span_of(asked, model.recent_slots, model.recent_pointers)
            together = model._memory.read_together(coarse, padded(asked, span, rows))
            assert len(together) == rows
            torch.testing.assert_close(together[:3], apart, atol=2e-5, rtol=1e-4)


def slot(value: float) -> Slot:
    cells, keys, pointer = (
        torch.full(size, float(value)) for size in ((4, 2), (3, 4, 2), (8,))
    )
    return Slot(cells, keys, pointer)


def test_every_memory_is_as_long_and_says_what_is_missing() -> None:
    full = SlotMemory(((0, slot(1)), (2, slot(2)), (1, slot(3))), ((4, torch.ones(8)),))
    new = SlotMemory(((0, slot(5)),), ())
    got = padded([full, new], MemorySpan(slots=4, pointers=2), rows=4)
    assert [tuple(t.shape[:2]) for t in astuple(got)] == [(4, 4)] * 3 + [(4, 2)] * 2
    assert got.ages.tolist() == [
        [0, 2, 1, MISSING],
        [0, *[MISSING] * 3],
        *[[0, 2, 1, MISSING]] * 2,
    ]
    assert got.pointer_ages.tolist() == [
        [4, MISSING],
        [MISSING] * 2,
        [4, MISSING],
        [4, MISSING],
    ]
    assert got.cells[0, :3, 0, 0].tolist() == [1, 2, 3]
    assert torch.isfinite(
        got.keys
    ).all()  # a missing slot is masked, but 0 x inf would not be 0


def test_a_memory_keeps_its_size_while_it_fills() -> None:
    steps = [
        SlotMemory(((0, slot(0)), *[(a, slot(0)) for a in range(n)][1:]), ()) for n in range(8)
    ]
    assert {span_of([each], 6, 15) for each in steps} == {MemorySpan(7, 16)}
    three = SlotMemory(((0, slot(0)),) * 3, ())
    assert span_of([three, steps[0]], 6, 15) == MemorySpan(10, 20)


def test_sizes() -> None:
    assert [sized(n) for n in (1, 2, 3, 4, 5, 9, 17, 32, 33, 65)] == [
        1,
        2,
        4,
        4,
        8,
        16,
        32,
        32,
        64,
        96,
    ]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_is_compiled_after_the_warm_up() -> None:
    """An object more within the size, clicks, and a memory that fills up meet no new graph."""
    command = [sys.executable, "-m", "tests.compiled_session", "sam2", "eager", "cpu"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told["warm"] == told["end"] > 0
    assert told["objects"] == [3] * 6 + [4] * 6
    assert told["visible"] > 25
    assert told["apart"] < 1e-4 * told["scale"]
