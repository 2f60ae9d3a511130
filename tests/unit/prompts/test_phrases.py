"""What a user types becomes phrases, in order, each with its threshold."""

import pytest

from vseg.errors import BadPrompt
from vseg.prompts.parse import parse_concepts
from vseg.prompts.phrases import MOST_PHRASES, parse_phrases
from vseg.types import LONGEST_PHRASE, Text


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("the red car. a dog=0.4", (Text("the red car"), Text("a dog", 0.4))),
        ("  person \n .", (Text("person"),)),
        ("a dog=1. a cat = .25.", (Text("a dog", 1.0), Text("a cat", 0.25))),
        ("Größe. 犬", (Text("Größe"), Text("犬"))),
        ("a 2.5 litre bottle", (Text("a 2.5 litre bottle"),)),
    ],
)
def test_phrases_are_parted_by_full_stops(text: str, phrases: tuple[Text, ...]) -> None:
    assert parse_phrases(text) == phrases


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (" . ", "is empty"),
        ("a dog..a cat", "is empty"),
        ("=0.5", "is empty"),
        ("x" * (LONGEST_PHRASE + 1), f"{LONGEST_PHRASE + 1} characters"),
        ("a dog. A  Dog=0.3", "'A Dog' is given twice"),
        ("a dog=most", "'most' of 'a dog=most' is not a number"),
        ("a dog=nan", "not in"),
        ("a dog=1.5", "not in"),
        ("a dog=0", "not in"),
        (". ".join(str(k) for k in range(MOST_PHRASES + 1)), f"more than {MOST_PHRASES}"),
    ],
)
def test_what_is_no_list_of_phrases_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadPrompt, match=message):
        parse_phrases(text)


def test_a_phrase_of_two_options_is_refused_but_for_objects_of_their_own() -> None:
    with pytest.raises(BadPrompt, match="'Dog' is given twice"):
        parse_concepts(["dog. cat", "Dog"], ())
    assert len(parse_concepts(["1:dog", "2:dog", "dog"], ())) == 3
