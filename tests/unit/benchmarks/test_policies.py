"""The comparison of memory policies at a small input: a row for each, measured against the
reference.
"""

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "policies.py"


def test_every_policy_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "rows.json"
    threads = torch.get_num_threads()
    words = ["--models", "edgetam", "--side", "256", "--frames", "4", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *words, "--json", str(out)])
    try:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)
    rows: list[dict[str, Any]] = json.loads(out.read_text())
    assert [(row["policy"], row["approximation"]) for row in rows] == [
        ("recent", "none"),
        ("selective", "none"),
        ("recent", "pooled"),
        ("recent", "pruned"),
    ]
    assert rows[0]["same"] == 100 and all(0 <= row["same"] <= 100 for row in rows)
    assert all(0 < row["attention"] < row["frame"] and row["state"] > 0 for row in rows)
