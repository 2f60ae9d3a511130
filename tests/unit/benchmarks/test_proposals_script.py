"""The benchmark of proposals counts what is found, and runs as a user runs it."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.proposals import FrameResult, row_of

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "proposals.py"


def test_a_row_counts_objects_and_not_frames() -> None:
    row = row_of(
        "two",
        [FrameResult((0.9, 0.4), (0.9, 0.0), 6, 2.0), FrameResult((0.5,), (0.2,), 4, 1.0)],
    )
    assert (row.frames, row.objects) == (2, 3)
    assert row.recall == pytest.approx(200 / 3) and row.recall5 == pytest.approx(100 / 3)
    assert row.IoU == pytest.approx(60) and row.proposals == 5 and row.seconds == 1.5


def test_the_script_finds_bodies_in_made_up_scenes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "rows.json"
    words = ["--scenes", "1", "--short-side", "192", "--dtype", "float32", "--json", str(out)]
    monkeypatch.setattr(sys, "argv", ["proposals.py", *words])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    rows = json.loads(out.read_text())
    assert [row["clip"] for row in rows] == ["scene 0", "MEAN"]
    assert (
        rows[0]["objects"] >= 2
        and rows[0]["proposals"] >= 1
        and np.isfinite(rows[0]["seconds"])
    )
    monkeypatch.setattr(sys, "argv", ["proposals.py"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert stop.value.code == 2
