"""The scripts run as a user runs them, on clips made here, and write rows that can be read
back.
"""

import json
import runpy
import sys
import zipfile
from pathlib import Path
from typing import Any

import cv2
import pytest

from vseg.analysis.risk_evidence import EVIDENCE
from vseg.synthetic import SceneConfig, SyntheticVideo, write_truth

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
SMALL = ("--short-side", "96", "--dtype", "float32")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DAVIS tree with one clip of two objects, 5 frames of 96x160."""
    root = tmp_path_factory.mktemp("davis")
    scene = SyntheticVideo(SceneConfig(96, 160, 5, seed=3, num_objects=2, occluders=0))
    images = root / "JPEGImages" / "two"
    images.mkdir(parents=True)
    (root / "Annotations" / "two").mkdir(parents=True)
    write_truth(scene, root / "Annotations" / "two")
    for frame in scene:
        cv2.imwrite(str(images / f"{frame.index:05d}.jpg"), frame.image[..., ::-1])
    return root


def run_script(name: str, *arguments: str) -> None:
    """Run a benchmark in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(BENCHMARKS / name), run_name="__main__")


def rows_of(name: str, *arguments: str, out: Path) -> list[dict[str, Any]]:
    """The rows that a benchmark wrote."""
    run_script(name, *arguments, "--json", str(out))
    rows: list[dict[str, Any]] = json.loads(out.read_text())
    return rows


def test_davis_shows_every_object_of_every_method(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ("--method", "nano", "flow", "--prompts", "mask", "3clicks")
    rows = rows_of("davis.py", str(tree), *chosen, *SMALL, out=tmp_path / "davis.json")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == list(rows[0])
    assert len(lines) == 1 + len(rows)
    shown = [(row["method"], row["prompt"], row["clip"], row["object"]) for row in rows]
    assert shown == [
        (method, prompt, clip, object_id)
        for method, prompt in (("nano", "mask"), ("nano", "3clicks"), ("flow", "mask"))
        for clip, object_id in (("two", 1), ("two", 2), ("two", None), ("MEAN", None))
    ]
    assert rows[-1]["JF"] == pytest.approx(rows[-2]["JF"])
    assert rows[-1]["JF"] > 60 and rows[-1]["switches"] == 0


def test_clicks_and_presence_write_their_rows(tree: Path, tmp_path: Path) -> None:
    rows = rows_of("clicks.py", str(tree), *SMALL, out=tmp_path / "clicks.json")
    assert [(row["clip"], row["object"]) for row in rows] == [
        ("two", 1),
        ("two", 2),
        ("MEAN", None),
    ]
    few = ("--seeds", "1", "--frames", "4", "--prompts", "box")
    rows = rows_of("presence.py", *few, *SMALL, out=tmp_path / "presence.json")
    together = [row["scene"] for row in rows if row["object"] is None]
    assert together == ["hide", "leave"]
    assert {row["prompt"] for row in rows} == {"box"}


def test_a_mistake_is_one_line_and_an_exit_code(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_info:
        run_script("davis.py", str(tree), "--clips", "three", "--method", "flow")
    assert exit_info.value.code == 3
    assert capsys.readouterr().err.strip().endswith("no clip 'three' (clips: two)")
    with pytest.raises(SystemExit) as exit_info:
        run_script("davis.py", str(tree), "--method", "flow", "--prompts", "box")
    assert "a baseline starts from a mask" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run_script("clicks.py", str(tree / "Annotations" / "two"))
    assert "give the folder that holds JPEGImages" in capsys.readouterr().err


def test_risk_prints_what_the_model_of_risk_holds(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = tmp_path / "pack.zip"
    with zipfile.ZipFile(pack, "w") as archive:
        for seed in (3, 5):
            scene = SyntheticVideo(SceneConfig(96, 160, 9, seed=seed, num_objects=1))
            for index in range(9):
                drawn = scene.draw(index)
                name = f"video/clip{seed}/{index:05d}"
                image = cv2.imencode(".webp", drawn.frame.image[..., ::-1])[1]
                archive.writestr(f"{name}.webp", image.tobytes())
                mask = cv2.imencode(".png", drawn.labels)[1]
                archive.writestr(f"{name}.png", mask.tobytes())
    words = ("--fit", str(pack), "--davis", str(tree), "--scenes", "0")
    rows = rows_of("risk.py", *words, out=tmp_path / "risk.json")
    assert [row["clips"] for row in rows][-2:] == ["ALL FITTED", tree.name]
    printed = capsys.readouterr().out
    for name in EVIDENCE:
        assert f"\n{name}=" in printed


def test_the_annotator_scores_every_policy(tmp_path: Path) -> None:
    scene = SyntheticVideo(SceneConfig(192, 320, 17, seed=3, num_objects=2, occluders=0))
    (tmp_path / "JPEGImages" / "two").mkdir(parents=True)
    (tmp_path / "Annotations" / "two").mkdir(parents=True)
    write_truth(scene, tmp_path / "Annotations" / "two")
    for frame in scene:
        path = tmp_path / "JPEGImages" / "two" / f"{frame.index:05d}.jpg"
        cv2.imwrite(str(path), frame.image[..., ::-1])
    few = ("--davis", str(tmp_path), "--scenes", "0", "--short-side", "96")
    rows = rows_of("annotator.py", *few, out=tmp_path / "annotator.json")
    assert [row["policy"] for row in rows] == ["risk", "even", "random"] * 2
    assert all(row["after_8"] >= row["before"] - 1 for row in rows)
    assert len({row["before"] for row in rows}) == 1


def test_corrections_change_their_span_alone_and_survive_kills(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = rows_of("corrections.py", "--frames", "80", "--kills", "1", out=tmp_path / "a.json")
    assert rows[0]["elsewhere"] == 0
    assert rows[0]["j_after"] > rows[0]["j_before"]
    assert "never a broken run" in capsys.readouterr().out


def test_events_on_streets_are_scored(tmp_path: Path) -> None:
    few = ("--kinds", "cars", "--seeds", "4", "--objects", "3", "--frames", "5")
    rows = rows_of("zone_events.py", *few, out=tmp_path / "events.json")
    assert [(row["kind"], row["true"], row["f1"]) for row in rows] == [
        ("crossing", 4, 1.0),
        ("inside", 4, 1.0),
    ]
