"""The sheet of training sequences: one row each, as wide as the sequence is long."""

import runpy
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "sequences_sheet.py"


def test_a_sheet_is_drawn_from_a_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as archive:
        for stem in ("video/a/00000", "video/a/00001", "still/s/1"):
            mask = np.zeros((48, 64), np.uint8)
            cv2.circle(mask, (30, 24), 10, 1, -1)
            image = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            archive.writestr(f"{stem}.webp", cv2.imencode(".webp", image)[1].tobytes())
            archive.writestr(f"{stem}.png", cv2.imencode(".png", mask)[1].tobytes())
    out = tmp_path / "sheet.png"
    numbers = ["--rows", "2", "--length", "3", "--side", "32", "--chance", "p_occlude=1"]
    arguments = [str(tmp_path / "pack.zip"), "--out", str(out), *numbers]
    monkeypatch.setattr(sys, "argv", [SCRIPT.name, *arguments])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    sheet = cv2.imread(str(out))
    assert sheet is not None and sheet.shape == (2 * (32 + 4), 3 * 32, 3)
    assert "ms of CPU per sequence" in capsys.readouterr().out
