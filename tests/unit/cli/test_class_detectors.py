"""Objects named by a detector of fixed classes: by their words, all of them, and live."""

import json
from pathlib import Path

import pytest

import vseg
from tests.detector_models import NAMES, saved_detector
from tests.unit.cli.conftest import Workplace, call
from vseg.results.layout import read_objects

pytestmark = pytest.mark.integration

CLASSES = {name for name in NAMES.values() if name != "N/A"}
FEW = ("--range", "0:4", "--max-objects", 3)


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detector")
    saved_detector("rf-detr-seg", folder, seed=1)
    return folder


def test_objects_of_a_class(workplace: Workplace, detector: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ("--grounder", detector, *FEW, *workplace.settings)
    answer = call("track", workplace.clip, "-o", run, "--text", "the people=0.1", *options)
    assert answer.exit_code == 0, answer.stderr
    labels = [described.label for described in read_objects(run)]
    assert labels and set(labels) == {"the people"}
    assert "nano" not in answer.stderr, "no word of nano's was asked for"


def test_all_classes_at_once(workplace: Workplace, detector: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ("--auto", "--grounder", detector, *FEW, *workplace.settings)
    answer = call("track", workplace.clip, "-o", run, *options)
    assert answer.exit_code == 0, answer.stderr
    labels = {described.label for described in read_objects(run)}
    assert labels and labels <= CLASSES
    assert vseg.open_run(run).header.options["grounder.weights"]


def test_all_classes_of_a_live_source(workplace: Workplace, detector: Path) -> None:
    options = ("--config", workplace.config, "--frames", 2, "--max-objects", 3)
    answer = call("watch", workplace.clip, "--auto", "--grounder", detector, *options)
    assert answer.exit_code == 0, answer.stderr
    told = json.loads(answer.stdout.splitlines()[0])
    assert told["objects"] and {one["label"] for one in told["objects"]} <= CLASSES


def test_a_word_that_is_no_class(workplace: Workplace, detector: Path, tmp_path: Path) -> None:
    options = ("--grounder", detector, *workplace.settings)
    answer = call("track", workplace.clip, "-o", tmp_path / "r", "--text", "dog", *options)
    assert answer.exit_code == 3
    assert f"'dog' is none of the 4 classes of {detector}" in answer.stderr
    assert "a detector of COCO's classes knows it" in answer.stderr


def test_any_words_need_words(workplace: Workplace, tmp_path: Path) -> None:
    options = ("--auto", "--grounder", "omdet-turbo-tiny", *workplace.settings)
    answer = call("track", workplace.clip, "-o", tmp_path / "r", *options)
    assert answer.exit_code == 2 and "--grounder rf-detr-seg-nano" in answer.stderr


def test_classes_need_no_tagger(workplace: Workplace, detector: Path, tmp_path: Path) -> None:
    options = ("--auto", "--grounder", detector, "--tagger", "clip-vit-b32")
    answer = call("track", workplace.clip, "-o", tmp_path / "r", *options)
    assert answer.exit_code == 2 and "drop --tagger" in answer.stderr
