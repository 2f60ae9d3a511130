"""Polygons and labels on the command line: exact masks with holes, classes and names."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.unit.cli.conftest import Workplace, call
from vseg.build import open_run
from vseg.types import Polygon

pytestmark = pytest.mark.integration

RING = "10,10 60,10 60,50 10,50"
HOLE = "20,20 40,20 40,30 20,30"


def expected() -> np.ndarray:
    mask = np.zeros((72, 120), dtype=bool)
    mask[10:50, 10:60] = True
    mask[20:30, 20:40] = False
    return mask


def test_a_polygon_is_an_exact_mask_on_its_frame(workplace: Workplace, tmp_path: Path) -> None:
    prompts = ("--polygon", f"3@1:{RING}", "--polygon", f"3@1:{HOLE}", "--range", ":3")
    run = tmp_path / "run"
    words = ("track", workplace.clip, "-o", run, *prompts, *workplace.settings)
    assert call(*words).exit_code == 0
    np.testing.assert_array_equal(open_run(run)[1][3], expected())
    (stored,) = open_run(run).prompts
    assert isinstance(stored.value, Polygon) and len(stored.value.rings) == 2
    again = call(*words, "--resume")
    assert again.exit_code == 0 and "nothing to do" in again.stdout


def test_a_live_source_takes_polygons(workplace: Workplace) -> None:
    prompts = ("--polygon", RING, "--polygon", HOLE)
    answer = call(
        "watch", workplace.clip, *prompts, "--config", workplace.config, "--frames", 1
    )
    assert answer.exit_code == 0, answer.stderr
    (told,) = json.loads(answer.stdout)["objects"]
    assert told["area"] == expected().sum()


def test_class_and_name_are_told_apart(workplace: Workplace, tmp_path: Path) -> None:
    run, coco = tmp_path / "run", tmp_path / "a.json"
    prompts = ("--polygon", RING, "--box", "2:70,10,110,60", "--range", ":2")
    labels = ("--label", "1=person: anna", "--label", "2=person")
    words = ("track", workplace.clip, "-o", run, *prompts, *labels, *workplace.settings)
    assert call(*words).exit_code == 0
    known = open_run(run)
    assert (known.labels, known.names) == ({1: "person", 2: "person"}, {1: "anna"})
    assert known.tags == {1: "person anna", 2: "person"}
    assert call(*words, "--resume").exit_code == 0
    assert call("export", run, "--to", "coco", "-o", coco).exit_code == 0
    held = json.loads(coco.read_text())
    assert [one["name"] for one in held["categories"]] == ["person"]
    names = {row["track_id"]: row.get("name") for row in held["annotations"]}
    assert names == {1: "anna", 2: None}


def test_a_word_taken_for_a_wider_one_is_noted(workplace: Workplace, tmp_path: Path) -> None:
    words = ("--text", "man=0.99", "--range", ":2", "--no-preview", "--short-side", 64)
    answer = call("track", workplace.clip, "-o", tmp_path / "run", *words, "--json")
    note, weak = json.loads(answer.stdout)["notes"]
    assert note.startswith("'man' in 'man' is taken for 'person'")
    assert weak.startswith("nano's own 'person' is weak") and "--grounder" in weak
    live = call("watch", workplace.clip, "--text", "man", "--short-side", 64, "--frames", 1)
    assert "'man' in 'man' is taken for 'person'" in live.stderr
    assert "nano's own 'person' is weak" in live.stderr


def test_a_word_that_is_not_found_names_a_stronger_detector(
    workplace: Workplace, tmp_path: Path
) -> None:
    words = ("--text", "1:car=0.99", "--range", ":2", "--no-preview", "--short-side", 64)
    answer = call("track", workplace.clip, "-o", tmp_path / "run", *words)
    assert answer.exit_code == 4
    assert "then --grounder grounding-dino-tiny" in answer.stderr
