"""The identity benchmark runs as a user runs it and writes rows that can be read back."""

import json
import runpy
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "identities.py"


def run_script(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *words])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def test_rows_of_one_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "rows.json"
    small = (
        "--short-sides",
        "96",
        "128",
        "--dtype",
        "float32",
        "--frames",
        "3",
        "--json",
        str(out),
    )
    some = ("--without", "none", "non_overlapping", "all")
    run_script(monkeypatch, "--scenes", "meet-2", "--prompts", "mask", *some, *small)
    rows = json.loads(out.read_text())
    assert [row["without"] for row in rows] == ["none", "non_overlapping", "all"]
    for row in rows:
        assert (row["scene"], row["prompt"], row["objects"]) == ("meet-2", "mask", 2)
        assert row["IDF1"] > 90 and (row["switches"], row["astray"]) == (0, 0)
        assert row["JF"] > 80 and 0 < row["spread"] < 20


def test_an_unknown_scene_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        run_script(monkeypatch, "--scenes", "cross-3")
    assert stop.value.code == 2
    assert "no scene 'cross-3' (scenes: cross-2" in capsys.readouterr().err
