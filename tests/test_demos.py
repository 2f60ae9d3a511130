"""Demos that track: each runs as a user would run it, and writes its image."""

import runpy
import sys
from pathlib import Path

import cv2
import pytest

pytestmark = pytest.mark.slow

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
    image = cv2.imread(str(tmp_path / "correct_and_add.png"))
    assert image is not None and image.shape == (5 * 240, 2 * 426, 3)


def test_identities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = str(DEMOS / "identities.py")
    monkeypatch.setattr(sys, "argv", [script, str(tmp_path)])
    runpy.run_path(script, run_name="__main__")
    said = capsys.readouterr().out.split()
    before = int(said[0])
    after = int(said[3])
    assert before > after >= 3, said
    heights = {}
    for name in ("tracks", "timeline", "association"):
        image = cv2.imread(str(tmp_path / f"{name}.png"))
        assert image is not None and image.std() > 10
        heights[name] = image.shape[0]
    # A lane for each identity: what is joined takes one lane less.
    lanes = heights["association"] - 2 * heights["timeline"]
    assert lanes == (after - before) * 34


@pytest.mark.timeout(900)
def test_every_kind_of_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = str(DEMOS / "prompt_kinds.py")
    monkeypatch.setattr(sys, "argv", [script, str(tmp_path)])
    runpy.run_path(script, run_name="__main__")
    counts = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert len(counts) == 8
    for kind in ("click", "box", "scribble", "mask"):
        assert counts[kind] == "1 objects"
    for kind in ("exemplar", "auto"):
        assert int(counts[kind].split()[0]) >= 1
    for kind, line in counts.items():
        if line.endswith(" objects"):
            image = cv2.imread(str(tmp_path / f"{kind}.png"))
            assert image is not None and image.std() > 10
