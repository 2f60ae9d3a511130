"""Options of the memory: put over a file key by key, and repeated by the command that
resumes.
"""

from pathlib import Path

import pytest
import torch

from vseg.cli.option_groups import ModelOptions
from vseg.errors import UsageError
from vseg.interfaces.slot_model import MergedToken, Slot, SlotMemory
from vseg.models.sam2.padded_memory import MemorySpan, padded


def test_options_leave_the_other_keys_of_the_table(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('[memory]\nprompted = 2\npolicy = "selective"\n')
    given = ModelOptions(memory_approximation="pooled", memory_budget=64.0, config=path)
    memory = given.read().memory
    assert (memory.prompted, memory.policy) == (2, "selective")
    assert (memory.approximation, memory.budget_mib) == ("pooled", 64.0)
    assert ModelOptions(config=path).read().memory.policy == "selective"


def test_compiled_models_refuse_memories_made_smaller() -> None:
    merged = MergedToken(torch.zeros(4, 1, dtype=torch.int64), torch.zeros(4))
    slot = Slot(torch.zeros(4, 2), torch.zeros(1, 4, 3), torch.zeros(6), merged)
    memory = SlotMemory(((0, slot),), ((1, slot.pointer),))
    with pytest.raises(UsageError, match="drop --memory-approximation, or --compile"):
        padded([memory], MemorySpan(slots=2, pointers=2), 1)
