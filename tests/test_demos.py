"""Demos that track: each runs as a user would run it, and writes its picture."""

import runpy
import sys
from pathlib import Path

import cv2
import pytest

DEMOS = Path(__file__).resolve().parents[1] / "demos"


def test_correcting_and_adding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = str(DEMOS / "correct_and_add.py")
    monkeypatch.setattr(sys, "argv", [script, str(tmp_path)])
    runpy.run_path(script, run_name="__main__")
    said = capsys.readouterr().out
    before, after = (float(part.split(";")[0]) for part in said.split(": ")[1:])
    assert after > before, said
    picture = cv2.imread(str(tmp_path / "correct_and_add.png"))
    assert picture is not None and picture.shape == (5 * 240, 2 * 426, 3)


def test_identities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = str(DEMOS / "identities.py")
    monkeypatch.setattr(sys, "argv", [script, str(tmp_path)])
    runpy.run_path(script, run_name="__main__")
    said = capsys.readouterr().out.split()
    before, after = int(said[0]), int(said[3])
    assert before > after >= 3, said
    heights = {}
    for name in ("tracks", "timeline", "association"):
        picture = cv2.imread(str(tmp_path / f"{name}.png"))
        assert picture is not None and picture.std() > 10
        heights[name] = picture.shape[0]
    # A lane for each identity: what is joined takes one lane less.
    lanes = heights["association"] - 2 * heights["timeline"]
    assert lanes == (after - before) * 34
