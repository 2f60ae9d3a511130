"""The words that a detector of fixed classes understands, and what it says of the others."""

import json
from pathlib import Path

import pytest

from tests.detector_models import NAMES, saved_detector
from vseg.build import open_grounder
from vseg.errors import BadPrompt, WeightsMismatch
from vseg.grounding.class_words import ClassWords
from vseg.grounding.coco_classes import COCO, SYNONYMS, forms_of
from vseg.grounding.open import has_classes
from vseg.grounding.vocabulary import parse_words
from vseg.interfaces.grounder import ClassGrounder
from vseg.types import Text

WORDS = ClassWords(dict(enumerate(COCO)), "coco")


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("car", "car"),
        ("the Cars", "car"),
        ("all automobiles", "car"),
        ("People", "person"),
        ("a pedestrian", "person"),
        ("buses", "bus"),
        ("benches", "bench"),
        ("knives", "knife"),
        ("wine glasses", "wine glass"),
        ("mice", "mouse"),
        ("sofa", "couch"),
        ("mobile phones", "cell phone"),
        ("teddies", "teddy bear"),
        ("skis", "skis"),
        ("scissors", "scissors"),
    ],
)
def test_a_phrase_names_a_class(phrase: str, name: str) -> None:
    assert WORDS.names[WORDS.row_of(phrase, "m")] == name


def test_no_form_names_two_classes() -> None:
    assert set(SYNONYMS) <= set(COCO)
    owners: dict[str, set[str]] = {}
    for name in COCO:
        for form in forms_of(name):
            owners.setdefault(form, set()).add(name)
    assert [form for form, names in owners.items() if len(names) > 1] == []


@pytest.mark.parametrize(
    ("phrase", "hint"),
    [
        ("man", "for every person: --text 'person'; for any words: vseg models pull"),
        ("red car", "for every car: --text 'car'; nano's own words know 'red car'"),
        ("animal", "nano's own words know 'animal': leave --grounder out"),
        ("a lighthouse", "for any words: vseg models pull grounding-dino-tiny"),
    ],
)
def test_an_unknown_phrase_says_which_model_knows_it(phrase: str, hint: str) -> None:
    with pytest.raises(BadPrompt, match="none of the 80 classes of rf") as caught:
        WORDS.row_of(phrase, "rf")
    assert hint in str(caught.value.hint)
    assert "the classes are person, bicycle" in str(caught.value.hint)


def test_other_classes_have_their_own_names() -> None:
    words = ClassWords({3: "Forklift", 5: "pallet", 7: "LABEL_7"}, "own")
    assert words.names == ("forklift", "pallet")
    assert words.row_of("forklifts", "m") == 3
    with pytest.raises(BadPrompt) as caught:
        words.row_of("dog", "m")
    assert "COCO's classes knows it: vseg models pull rf-detr-seg-nano" in str(
        caught.value.hint
    )


def test_a_class_keeps_its_own_name_where_another_has_it_as_a_synonym() -> None:
    words = ClassWords({0: "sports ball", 1: "ball"}, "own")
    assert words.row_of("ball", "m") == 1
    assert words.row_of("sports balls", "m") == 0


def test_nano_sends_words_of_coco_to_a_detector_of_classes() -> None:
    with pytest.raises(BadPrompt) as caught:
        parse_words("a dog", ["person", "animal"])
    assert "--text animal; for 'dog' alone: vseg models pull rf-detr" in str(caught.value.hint)
    with pytest.raises(BadPrompt) as caught:
        parse_words("a fox", ["person", "animal"])
    assert "for 'fox' alone: vseg models pull grounding-dino" in str(caught.value.hint)


def test_a_folder_has_the_classes_of_its_configuration(tmp_path: Path) -> None:
    saved_detector("d-fine", tmp_path)
    grounder = open_grounder(str(tmp_path))
    assert isinstance(grounder, ClassGrounder) and has_classes(str(tmp_path))
    assert grounder.classes == tuple(name for name in NAMES.values() if name != "N/A")
    with pytest.raises(BadPrompt, match=f"the 4 classes of {tmp_path}"):
        grounder.check([Text("car"), Text("truck")])


def test_classes_without_names_are_refused(tmp_path: Path) -> None:
    saved_detector("d-fine", tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text("utf-8"))
    config["id2label"] = {str(row): f"LABEL_{row}" for row in NAMES}
    path.write_text(json.dumps(config), "utf-8")
    with pytest.raises(WeightsMismatch, match="does not name the classes") as caught:
        open_grounder(str(tmp_path))
    assert "id2label" in str(caught.value.hint)
