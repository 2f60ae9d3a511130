"""`vseg train words` and the benchmark over what it wrote, on a tiny set made here."""

import json
import runpy
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.unit.cli.conftest import call
from tests.word_head import random_head
from vseg.models.nano.text_head.head import load_words
from vseg.training.text_head.named_images import part_of

pytestmark = pytest.mark.integration

RECIPE = """
batch = 2
side = 64
min_instances = 5
min_images = 5
[optimisation]
steps = 2
rate = 1e-3
warmup_steps = 1
dtype = "float32"
"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of one car each, some of them kept out of training, with their labels."""
    path = tmp_path_factory.mktemp("words") / "pack.zip"
    rng = np.random.default_rng(0)
    labels = {}
    with zipfile.ZipFile(path, "w") as archive:
        for k in range(24):
            name = f"still/coco_mix/{k:012d}"
            image = rng.integers(0, 255, (64, 80, 3), dtype=np.uint8)
            ids = np.zeros((64, 80), np.uint8)
            ids[10:50, 10:60] = 1
            archive.writestr(f"{name}.webp", cv2.imencode(".webp", image)[1].tobytes())
            archive.writestr(f"{name}.png", cv2.imencode(".png", ids)[1].tobytes())
            labels[name] = {"1": "car"}
        image_name = "still/cars/1"
        archive.writestr(f"{image_name}.webp", cv2.imencode(".webp", image)[1].tobytes())
        archive.writestr(f"{image_name}.png", cv2.imencode(".png", ids)[1].tobytes())
        archive.writestr("labels.json", json.dumps(labels | {image_name: {"*": "car"}}))
    return path


def test_a_recipe_and_images_give_a_head(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "words.toml").write_text(RECIPE)
    words = ["train", "words", "--data", pack, "--config", tmp_path / "words.toml"]
    answer = call(*words, "--out", tmp_path / "run", "--json")
    assert answer.exit_code == 0, answer.stderr
    assert "words: 2/2" in answer.stderr
    head = load_words(Path(json.loads(answer.stdout)["weights"]))
    assert head.words == ("object", "car", "vehicle")


def test_bad_input_is_said(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "words.toml").write_text(RECIPE.replace("instances = 5", "instances = 500"))
    words = ["train", "words", "--data", pack, "--out", tmp_path / "run", "--config"]
    answer = call(*words, tmp_path / "words.toml")
    assert answer.exit_code == 3 and "500 examples" in answer.stderr
    (tmp_path / "words.toml").write_text(RECIPE.replace("side = 64", "side = 65"))
    answer = call(*words, tmp_path / "words.toml")
    assert answer.exit_code == 2 and "side" in answer.stderr
    assert not (tmp_path / "run").exists()


def test_the_benchmark_measures_the_images_kept_out(
    pack: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = Path(__file__).resolve().parents[3] / "benchmarks" / "words.py"
    head = random_head(tmp_path)
    rows = tmp_path / "rows.json"
    options = ["--data", pack, "--head", head, "--threshold", "0.01", "--json", rows]
    monkeypatch.setattr(sys, "argv", ["words.py", *map(str, options)])
    runpy.run_path(str(script), run_name="__main__")
    held = [k for k in range(24) if part_of(f"still/coco_mix/{k:012d}") == "held"]
    by_word = {row["word"]: row for row in json.loads(rows.read_text())}
    assert list(by_word) == ["object", "car", "person", "all words"]
    assert by_word["car"]["objects"] == len(held) > 0 and by_word["person"]["objects"] == 0
    assert by_word["car"]["learned"] < 25 - len(held) + 1
    assert all(0 <= by_word["car"][key] <= 100 for key in ("precision", "recall", "ap50"))
    assert f"{len(held)} images" in capsys.readouterr().out
