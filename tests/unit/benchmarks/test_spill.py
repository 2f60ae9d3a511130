"""The benchmark of spill measures what it says, on a dataset zip made here."""

import json
import runpy
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.spill import mean_row, row_of, several, spill
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.training.data.held_out import is_held_out
from vseg.training.text_head.named_images import NamedImage, words_of

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "spill.py"


def test_spill_is_the_share_on_others() -> None:
    ids = np.zeros((10, 10), np.uint8)
    ids[:, :4], ids[:, 6:8], ids[:, 8:] = 1, 2, 255
    assert spill(ids == 1, ids, 1) == 0
    assert spill(np.ones_like(ids, bool), ids, 1) == pytest.approx(0.2), "void is nobody"
    assert spill(np.zeros_like(ids, bool), ids, 1) == 0


def test_only_objects_with_another_of_their_kind_are_prompted() -> None:
    ids = np.zeros((20, 20), np.uint8)
    ids[:5, :5], ids[:5, 10:15], ids[10:15, :5], ids[19, 19] = 1, 2, 3, 4
    words = {1: words_of("cup"), 2: words_of("cup"), 3: words_of("dog"), 4: words_of("dog")}
    image = NamedImage("still/coco_mix/a", np.zeros((20, 20, 3), np.uint8), ids, words, True)
    assert several(image) == [1, 2], "the second dog is too small to count"


def test_rows_are_means_over_objects_and_then_over_sides() -> None:
    rows = [
        row_of("click", 320, [[(0.5, 0.2), (0.7, 0.0)], [(0.9, 0.1)]]),
        row_of("click", 384, [[(0.5, 0.0), (0.5, 0.0)], [(0.5, 0.0)]]),
    ]
    assert (rows[0].images, rows[0].objects) == (2, 3)
    assert rows[0].IoU == pytest.approx(70) and rows[0].spill == pytest.approx(10)
    mean = mean_row(rows)
    assert mean.short_side is None and mean.IoU == pytest.approx(60)
    assert mean.spill == pytest.approx(5) and mean.spread == pytest.approx(10 / 2**0.5)
    assert mean_row(rows[:1]).spread is None


@pytest.mark.integration
def test_the_script_prompts_the_held_out_image_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = SyntheticVideo(SceneConfig(96, 160, 1, seed=3, num_objects=2, occluders=0))
    true = scene.draw(0)
    names = [f"still/coco_mix/{n:03d}" for n in range(40)]
    chosen = [next(n for n in names if is_held_out(n) == held) for held in (True, False)]
    path = tmp_path / "pack.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in chosen:
            image = cv2.imencode(".webp", true.frame.image[..., ::-1])[1]
            archive.writestr(f"{name}.webp", image.tobytes())
            archive.writestr(f"{name}.png", cv2.imencode(".png", true.labels)[1].tobytes())
        archive.writestr("labels.json", json.dumps({n: {"*": "cup"} for n in chosen}))
    out = tmp_path / "rows.json"
    small = ("--short-sides", "96", "128", "--dtype", "float32", "--json", str(out))
    monkeypatch.setattr(sys, "argv", ["spill.py", "--data", str(path), *small])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    rows = json.loads(out.read_text())
    assert [row["short_side"] for row in rows] == [96, 128, None]
    assert all((row["images"], row["objects"]) == (1, 2) for row in rows)
    assert all(0 <= row["spill"] <= 100 and row["IoU"] > 0 for row in rows)
