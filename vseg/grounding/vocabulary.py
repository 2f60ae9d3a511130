"""Phrases of a small fixed language, made into typed queries.

Enters: a phrase and the words that a head knows.  Leaves: a noun, one or many, and the
attributes that narrow it.  A phrase has one noun of the vocabulary and any of: an article,
colours, a place, a size, a motion.  Any other word is an error: a word that is not understood
must not be ignored.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from vseg.errors import BadPrompt
from vseg.grounding.attributes import COLOURS, MOTIONS, PLACES, SIZES

ANY_OBJECT = "object"
SYNONYMS = {
    ANY_OBJECT: "thing item",
    "person": "man men woman women people boy girl child children kid adult human pedestrian "
    "guy lady",
    "car": "automobile sedan hatchback",
    "animal": "creature",
    "cup": "mug",
}
"""Synonyms of a word, separated by spaces.  The head does not tell men from women."""

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
    tokens = re.findall(r"[^\s,.;:!?'\"]+", phrase.lower())
    nouns = [(token, *known) for token in tokens if (known := noun_of(token, words))]
    if len(nouns) != 1:
        what = "names no known object" if not nouns else "names more than one object"
        raise BadPrompt(f"'{phrase}' {what}", hint=_hint(words))
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
        for name in (word, *SYNONYMS.get(word, "").split()):
            if token == name:
                return word, name in _PLURAL
            ladies = name.endswith("y") and token == f"{name[:-1]}ies"
            if name not in _PLURAL and (ladies or token in (f"{name}s", f"{name}es")):
                return word, True
    return None


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
    return (
        f"known are {lists}; for any words: vseg models pull grounding-dino-tiny, "
        "then --grounder grounding-dino-tiny"
    )
