"""Phrases of a small fixed language, made into typed queries.

Enters: a phrase and the words that a head knows.  Leaves: a noun, one or many, and the
attributes that narrow it.  A phrase has one noun of the vocabulary and any of: an article,
colours, a place, a size, a motion.  Any other word is an error: a word that is not understood
must not be ignored.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from vseg.errors import BadPrompt
from vseg.grounding.attributes import COLOURS, MOTIONS, PLACES, SIZES
from vseg.grounding.coco_classes import WITH_CLASSES, is_coco

ANY_OBJECT = "object"
SYNONYMS = {
    ANY_OBJECT: "thing item",
    "person": "people human pedestrian",
    "car": "automobile",
    "animal": "creature",
    "cup": "mug",
}
"""Synonyms of a word, separated by spaces."""
NARROWER = {
    "person": "man men woman women boy girl child children kid adult guy lady",
    "car": "sedan hatchback",
}
"""What is taken for a word although it means less: the head does not tell men from women."""
_KINDS = {
    "animal": "dog puppy cat kitten horse pony cow bull sheep lamb goat pig bird duck goose "
    "swan chicken fish shark whale dolphin elephant bear zebra giraffe lion tiger monkey deer "
    "rabbit mouse mice fox wolf wolves camel kangaroo turtle snake frog insect bee butterfly",
    "vehicle": "truck lorry van bus bike bicycle motorbike motorcycle scooter tram train boat "
    "ship airplane plane aeroplane helicopter tractor taxi ambulance",
    "food": "pizza burger sandwich cake bread apple banana orange fruit vegetable egg",
    "person": "player dancer skater surfer rider cyclist runner driver worker baby babies",
}
"""Words that people ask for, by the known word that they are a kind of: common classes of
COCO, DAVIS and YouTube-VIS.  They are not taken for it: every object of it would be detected.
"""
STRONGER = "vseg models pull grounding-dino-tiny, then --grounder grounding-dino-tiny"
"""What to type for a detector of any words."""
HELD_OUT = {
    "person": (53, 20),
    "animal": (38, 48),
    "vehicle": (28, 21),
    "car": (0, 0),
    "food": (27, 9),
    ANY_OBJECT: (35, 24),
}
"""Precision and recall of the shipped head in percent, by word: `benchmarks/words.py`, on 44
images of COCO that it was not trained on."""

_PLURAL = frozenset({"men", "women", "people", "children"})
_FILLERS = frozenset({"on", "in", "at", "to", "of", "the", "a", "an", "any", "side", "corner"})
_EVERY = frozenset({"all", "every", "each"})


@dataclass(frozen=True, slots=True)
class WordQuery:
    """noun: a word of the vocabulary.  one: exactly one is meant ("the car"), else all of
    them.

    colours: any of them.  places: all of them.  size, motion: a key of SIZES, MOTIONS, or
    none.
    """

    noun: str
    one: bool = False
    colours: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    size: str | None = None
    motion: str | None = None

    @property
    def narrowed(self) -> bool:
        """Whether it takes masks to decide what is meant."""
        return bool(self.colours or self.places or self.size or self.motion)


def parse_words(phrase: str, words: Collection[str]) -> WordQuery:
    """The query of a phrase.  Raises BadPrompt, which lists the words that are known."""
    tokens = _tokens(phrase)
    nouns = [(token, *known) for token in tokens if (known := noun_of(token, words))]
    if len(nouns) != 1:
        what = "names no known object" if not nouns else "names more than one object"
        raise BadPrompt(f"'{phrase}' {what}", hint=_kind_hint(tokens, words) + _hint(words))
    noun, many = nouns[0][1:]
    query = WordQuery(noun, one="the" in tokens[: tokens.index(nouns[0][0])] and not many)
    for token in tokens:
        if token == nouns[0][0] or token in _FILLERS:
            continue
        if token in _EVERY:
            query = replace(query, one=False)
            continue
        query = _narrowed(query, token, phrase, words)
    return query


def noun_of(token: str, words: Collection[str]) -> tuple[str, bool] | None:
    """The vocabulary's word for a token, and whether it is a plural; None if it is no noun of
    it.
    """
    for word in words:
        names = f"{word} {SYNONYMS.get(word, '')} {NARROWER.get(word, '')}"
        found = _among(token, names)
        if found is not None:
            return word, found
    return None


def narrower_notes(phrases: Iterable[str], words: Collection[str]) -> tuple[str, ...]:
    """A sentence for each phrase with a word that means less than the one it is taken for."""
    notes: list[str] = []
    for phrase in phrases:
        for token in _tokens(phrase):
            for word in words:
                if token not in words and _among(token, NARROWER.get(word, "")) is not None:
                    notes.append(
                        f"'{token}' in '{phrase}' is taken for '{word}': every {word} is "
                        f"meant; to tell them apart: {STRONGER}"
                    )
    return tuple(notes)


def weak_notes(
    phrases: Iterable[str], words: Collection[str], scores: Mapping[str, Sequence[float]]
) -> tuple[str, ...]:
    """A sentence for each word that was asked for: what its detections are worth, what they
    scored here, and the command for a stronger detector.

    scores: of the detections of each phrase that became objects; left out where none is known.
    """
    reached: dict[str, list[float]] = {}
    for phrase in phrases:
        noun = parse_words(phrase, words).noun
        reached.setdefault(noun, []).extend(scores.get(phrase, ()))
    return tuple(
        f"nano's own '{noun}' is weak: on 44 held-out images of mostly small objects "
        f"{HELD_OUT[noun][0]} % of its detections were right, and {HELD_OUT[noun][1]} % of "
        f"the objects were found; {_here(found)}for any words: {STRONGER}"
        for noun, found in reached.items()
        if noun in HELD_OUT
    )


def _here(scores: Sequence[float]) -> str:
    """What the detections scored."""
    if not scores:
        return ""
    span = f"{min(scores):.2f} to {max(scores):.2f}" if len(scores) > 1 else f"{scores[0]:.2f}"
    return f"here {len(scores)} detected, with a score of {span}; "


def _tokens(phrase: str) -> list[str]:
    return re.findall(r"[^\s,.;:!?'\"]+", phrase.lower())


def _among(token: str, names: str) -> bool | None:
    """Whether a token is the plural of one of these names; None if it is none of them."""
    for name in names.split():
        if token == name:
            return name in _PLURAL
        ladies = name.endswith("y") and token == f"{name[:-1]}ies"
        if name not in _PLURAL and (ladies or token in (f"{name}s", f"{name}es")):
            return True
    return None


def wider_words(tokens: Iterable[str]) -> tuple[str, ...]:
    """The words that others of these are a kind of, or mean less than."""
    kinds = {word: f"{_KINDS.get(word, '')} {NARROWER.get(word, '')}" for word in HELD_OUT}
    return tuple(
        word
        for token in tokens
        for word, names in kinds.items()
        if _among(token, names) is not None
    )


def _kind_hint(tokens: Sequence[str], words: Collection[str]) -> str:
    """What to type for a word that is a kind of a known one, or a class of a detector."""
    for token in tokens:
        ways = [
            f"for every {word}: --text {word}"
            for word in words
            if _among(token, _KINDS.get(word, "")) is not None
        ]
        if is_coco(token):
            ways.append(f"for '{token}' alone: {WITH_CLASSES}")
        elif ways:
            ways.append(f"for '{token}' alone: {STRONGER}")
        if ways:
            return "".join(f"{way}; " for way in ways)
    return ""


def _narrowed(query: WordQuery, token: str, phrase: str, words: Collection[str]) -> WordQuery:
    if token in COLOURS:
        return replace(query, colours=(*query.colours, COLOURS[token]))
    if token in PLACES:
        return replace(query, places=(*query.places, PLACES[token]))
    if token in SIZES and query.size in (None, SIZES[token]):
        return replace(query, size=SIZES[token])
    if token in MOTIONS and query.motion in (None, MOTIONS[token]):
        return replace(query, motion=MOTIONS[token])
    raise BadPrompt(f"'{token}' in '{phrase}' is not a known word", hint=_hint(words))


def _hint(words: Collection[str]) -> str:
    """All known words, and where to find more."""
    known_words = {
        "objects": words,
        "colours": sorted(set(COLOURS.values())),
        "places": sorted(set(PLACES.values())),
        "sizes": sorted(set(SIZES.values())),
        "motion": sorted(set(MOTIONS.values())),
    }
    lists = "; ".join(f"{kind}: {', '.join(known)}" for kind, known in known_words.items())
    return f"known are {lists}; for any words: {STRONGER}"
