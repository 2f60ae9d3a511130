"""Free memory, also within a container's limit."""

from pathlib import Path

import pytest
import torch

from vseg.weights import memory_check as room
from vseg.weights.memory_check import free_bytes

MIB = 1 << 20


def test_a_limit_of_the_container_counts_what_may_be_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_GROUPS", (tmp_path / "none", tmp_path))
    whole = free_bytes(torch.device("cpu"))
    assert whole is not None and whole > 16 * MIB
    (tmp_path / "memory.stat").write_text(f"anon {3 * MIB}\ninactive_file {2 * MIB}\nfile 9\n")
    (tmp_path / "memory.current").write_text(f"{7 * MIB}\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert free_bytes(torch.device("cpu")) != 6 * MIB, "no limit"
    (tmp_path / "memory.max").write_text(f"{11 * MIB}\n")
    assert free_bytes(torch.device("cpu")) == 6 * MIB


def test_a_limit_of_the_older_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_GROUPS", (tmp_path,))
    (tmp_path / "memory.stat").write_text(f"inactive_file 0\ntotal_inactive_file {MIB}\n")
    (tmp_path / "memory.usage_in_bytes").write_text(f"{2 * MIB}\n")
    (tmp_path / "memory.limit_in_bytes").write_text(f"{4 * MIB}\n")
    assert free_bytes(torch.device("cpu")) == 3 * MIB
