"""Phrases become typed queries, and what is not understood is never passed over."""

import pytest

from vseg.errors import BadPrompt
from vseg.grounding.vocabulary import (
    WordQuery,
    narrower_notes,
    noun_of,
    parse_words,
    weak_notes,
)

WORDS = ("object", "animal", "car", "person")


@pytest.mark.parametrize(
    ("phrase", "query"),
    [
        ("person", WordQuery("person")),
        ("the red car on the left", WordQuery("car", True, ("red",), ("left",))),
        ("Red cars on the left.", WordQuery("car", False, ("red",), ("left",))),
        ("the largest animal", WordQuery("animal", True, size="largest")),
        ("the biggest people", WordQuery("person", size="largest")),
        ("moving objects", WordQuery("object", motion="moving")),
        ("the parked automobile", WordQuery("car", True, motion="still")),
        ("car in the top left corner", WordQuery("car", places=("top", "left"))),
        ("every pedestrian", WordQuery("person")),
        ("the person in the middle", WordQuery("person", True, places=("middle",))),
        ("all the children", WordQuery("person")),
        ("a grey thing", WordQuery("object", colours=("grey",))),
        ("a gray thing", WordQuery("object", colours=("grey",))),
    ],
)
def test_a_phrase_is_a_query(phrase: str, query: WordQuery) -> None:
    assert parse_words(phrase, WORDS) == query


@pytest.mark.parametrize(
    ("phrase", "why"),
    [
        ("unicorn", "names no known object"),
        ("the red", "names no known object"),
        ("person and car", "more than one object"),
        ("the dog beside a person", "'dog'"),
        ("two people", "'two'"),
        ("the largest smallest car", "'smallest'"),
        ("moving still car", "'still'"),
    ],
)
def test_what_is_not_understood_is_said_with_what_could_be(phrase: str, why: str) -> None:
    with pytest.raises(BadPrompt, match=why) as caught:
        parse_words(phrase, WORDS)
    hint = caught.value.hint or ""
    for told in (*WORDS, "red", "left", "largest", "moving"):
        assert told in hint
    assert "vseg models pull grounding-dino-tiny" in hint
    assert "--grounder grounding-dino-tiny" in hint


def test_nouns_are_those_of_the_head_alone() -> None:
    assert noun_of("women", WORDS) == ("person", True)
    assert noun_of("boxes", ("box",)) == ("box", True)
    assert noun_of("cars", ("person",)) is None
    assert noun_of("ladies", WORDS) == ("person", True)
    assert noun_of("caries", WORDS) is None
    assert noun_of("peoples", WORDS) is None


@pytest.mark.parametrize(
    ("phrase", "wide", "detector"),
    [
        ("dog", "animal", "rf-detr-seg-nano"),
        ("the brown horses", "animal", "rf-detr-seg-nano"),
        ("puppies", "animal", "grounding-dino-tiny"),
        ("skaters on the left", "person", "grounding-dino-tiny"),
    ],
)
def test_a_kind_of_a_known_word_is_refused_with_what_to_type(
    phrase: str, wide: str, detector: str
) -> None:
    with pytest.raises(BadPrompt, match="names no known object") as caught:
        parse_words(phrase, WORDS)
    hint = caught.value.hint or ""
    assert hint.startswith(f"for every {wide}: --text {wide}; for '")
    assert f"alone: vseg models pull {detector}" in hint


def test_a_narrower_word_is_said_to_be_taken_for_the_wider_one() -> None:
    notes = narrower_notes(["the red sedan", "women", "a person", "cars"], WORDS)
    assert len(notes) == 2
    assert notes[0].startswith("'sedan' in 'the red sedan' is taken for 'car'")
    assert notes[1].startswith("'women' in 'women' is taken for 'person'")
    assert all("--grounder grounding-dino-tiny" in note for note in notes)
    assert narrower_notes(["man"], ("man", "person")) == ()


def test_each_word_is_told_with_its_worth_and_with_what_it_scored() -> None:
    scores = {"the red car": [0.7], "cars": [0.61, 0.8]}
    notes = weak_notes(["the red car", "cars", "a person"], WORDS, scores)
    assert [note.split(" is weak")[0] for note in notes] == [
        "nano's own 'car'",
        "nano's own 'person'",
    ]
    assert "here 3 detected, with a score of 0.61 to 0.80" in notes[0]
    assert "53 %" in notes[1] and "20 %" in notes[1] and "here" not in notes[1]
