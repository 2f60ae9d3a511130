"""`vseg models --recommend`: what is here is measured once, and the figures decide."""

import json
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch

from tests.detector_models import saved_detector
from tests.sam_models import saved_model
from tests.torch_threads import torch_threads
from tests.unit.cli.conftest import call
from tests.unit.weights.test_catalogue import snapshot
from vseg.io.user_cache import user_cache
from vseg.pipelines.recommend import Wish, recommend
from vseg.pipelines.speed import device_name

pytestmark = pytest.mark.integration

EDGETAM = "yonigozlan/EdgeTAM-hf"
DETECTOR = "Roboflow/rf-detr-seg-nano"


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing fetched and nothing measured yet; where models are fetched to."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("vseg.pipelines.speed._FRAMES", 4)
    monkeypatch.setattr("vseg.pipelines.speed._SIZE", (48, 80))
    return tmp_path / "hub"


def told(*words: object) -> dict[str, Any]:
    answer = call("models", "--recommend", *words, "--json")
    assert answer.exit_code == 0, answer.stderr
    made: dict[str, Any] = json.loads(answer.stdout)
    return made


def row(made: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in made["candidates"] if one["name"] == name)
    return found


def test_the_best_published_quality_that_is_fast_enough_is_taken(empty: Path) -> None:
    saved_model("edgetam", snapshot(empty, EDGETAM))
    made = told("--objects", 2)
    assert (made["tracker"], made["enough"], made["grounder"]) == ("edgetam", True, None)
    assert made["command"] == "vseg track CLIP -o RUN --model edgetam --point X,Y"
    assert "71.7 J&F on SA-V test (arXiv 2501.07256)" in made["reasons"][0]
    assert "sam2.1-tiny, 149 MiB, Apache-2.0" in made["reasons"][1]
    for name in ("nano", "edgetam"):
        assert row(made, name)["speed"]["frames_per_s"] > 0
    assert row(made, "sam2.1-large")["installed"] is False
    assert row(made, "sam2.1-large")["speed"]["frames_per_s"] is None


def test_speeds_that_nothing_reaches_are_said(empty: Path) -> None:
    made = told("--fps", 1e6)
    assert (made["tracker"], made["enough"]) == ("nano", False)
    assert made["reasons"] == [made["reasons"][0]] and "1e+06 frames/s" in made["reasons"][0]


def test_what_was_measured_is_kept_for_the_same_weights(empty: Path) -> None:
    folder = snapshot(empty, EDGETAM)
    saved_model("edgetam", folder)
    first = told()
    again = told()
    assert row(again, "edgetam")["speed"] == row(first, "edgetam")["speed"] | {"cached": True}
    assert not row(told("--objects", 2), "edgetam")["speed"]["cached"]
    saved_model("edgetam", folder, seed=1)
    changed = told()
    assert not row(changed, "edgetam")["speed"]["cached"]
    assert row(changed, "nano")["speed"]["cached"]
    with torch_threads(torch.get_num_threads() + 1):
        assert not row(told(), "nano")["speed"]["cached"]


def test_the_device_has_the_threads_that_models_are_measured_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of_opencv = cv2.getNumThreads()
    before = torch.get_num_threads()
    monkeypatch.setenv("VSEG_THREADS", str(before + 1))
    with torch_threads(before):
        assert device_name("cpu").endswith(f"{before + 1} threads")
    cv2.setNumThreads(of_opencv)


def test_a_damaged_file_of_measurements_is_made_anew() -> None:
    kept = user_cache("speed.json")
    assert kept is not None
    kept.parent.mkdir(parents=True)
    for text in ("{", "[]", '{"a": {"frames": 1, "of": 2}}'):
        kept.write_text(text, "utf-8")
        assert told()["tracker"] == "nano"


def test_a_class_goes_to_a_detector_of_classes(empty: Path) -> None:
    made = told("--text", "the cars")
    assert made["grounder"] == "nano", "it knows cars, and nothing else is here"
    assert "pull rf-detr-seg-nano" in made["reasons"][-1]
    saved_detector("rf-detr-seg", snapshot(empty, DETECTOR))
    made = told("--text", "the cars")
    assert made["grounder"] == "rf-detr-seg-nano"
    assert row(made, "rf-detr-seg-nano")["speed"]["detection_ms"] > 0
    assert made["command"].endswith('--grounder rf-detr-seg-nano --text "the cars"')


def test_words_that_nothing_here_reads(empty: Path) -> None:
    saved_detector("rf-detr-seg", snapshot(empty, DETECTOR))
    for words in (("--text", "a lighthouse"), ("--text",)):
        made = told(*words)
        assert made["grounder"] is None
        assert made["command"].endswith(f'--text "{[*words, "PHRASE"][1]}"')
        assert "vseg models pull grounding-dino-tiny" in made["reasons"][-1]
        assert not any(one["name"].startswith("rf-detr") for one in made["candidates"])


def test_the_table_is_for_people(empty: Path) -> None:
    answer = call("models", "recommend", "--text", "--objects", 1)
    assert answer.exit_code == 0, answer.stderr
    assert "frames/s" in answer.stdout and "SAM License" in answer.stdout
    assert "not here: vseg models pull edgetam" in answer.stdout
    assert "measuring nano" in answer.stderr


def test_a_model_that_cannot_be_loaded_is_passed_over(empty: Path) -> None:
    folder = snapshot(empty, EDGETAM)
    saved_model("edgetam", folder)
    (folder / "model.safetensors").write_bytes(b"damaged")
    made = recommend(Wish())
    assert made.tracker == "nano"
    assert next(one for one in made.candidates if one.name == "edgetam").failed


def test_a_device_that_is_not_there_is_said() -> None:
    answer = call("models", "--recommend", "--device", "cuda:99")
    assert answer.exit_code == 5 and "CUDA" in answer.stderr
