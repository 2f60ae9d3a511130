"""The comparison of engines at a small input: every stage is timed, and only the library's
state grows.
"""

import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "engines.py"
STAGES = ("encoder", "attention", "decoder", "memory", "post")


@pytest.fixture
def torch_as_before() -> Iterator[None]:
    """The script chooses threads and the treatment of denormals for its process."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


@pytest.mark.usefixtures("torch_as_before")
def test_both_engines_are_timed_stage_by_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rows.json"
    chosen = ["--models", "edgetam", "--engines", "vseg", "transformers", "--objects", "1"]
    small = ["--side", "256", "--rounds", "1", "--threads", "1", "--json", str(out)]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *chosen, *small])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    rows: list[dict[str, Any]] = json.loads(out.read_text())
    assert [(row["engine"], row["clock"]) for row in rows] == [
        (engine, clock) for engine in ("vseg", "transformers") for clock in ("cpu", "wall")
    ]
    for row in rows:
        assert all(row[stage] > 0 for stage in STAGES)
        spent = row["rest"] + sum(row[stage] for stage in STAGES)
        assert row["total"] == pytest.approx(spent)
        assert abs(row["rest"]) < 0.2 * row["total"], "what is not in a stage is little"
        assert row["peak"] > 100
    ours, _, theirs, _ = rows
    assert ours["grows"] == 0 and ours["state"] > 0
    image = 3 * 256 * 256 * 4 / 1024
    assert theirs["grows"] > image, "it keeps the image and the masks"
    assert capsys.readouterr().out.count("\n") == 4 + 1 + len(rows)
