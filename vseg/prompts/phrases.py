"""Command line text -> the phrases of text prompts."""

import re
from collections.abc import Iterable

from vseg.errors import BadPrompt
from vseg.types import Text

MOST_PHRASES = 80
"""As many as COCO has classes; every phrase costs the grounder time on every frame."""

_THRESHOLD = re.compile(r"=\s*([^=\s]+)\s*$")
# A full stop ends a phrase unless it stands within a number.
_STOP = re.compile(r"\.(?!\d)")


def parse_phrases(text: str) -> tuple[Text, ...]:
    """The phrases of "the red car. a dog=0.4", in order, with their thresholds if they have
    one.

    Full stops part the phrases; the last one may be left out.  Raises BadPrompt for an empty
    or over-long phrase, one that is given twice (whatever its case and spaces), a threshold
    that is no number in (0, 1], and more than MOST_PHRASES phrases.
    """
    parts = [" ".join(part.split()) for part in _STOP.split(text)]
    if len(parts) > 1 and not parts[-1]:
        parts = parts[:-1]
    if len(parts) > MOST_PHRASES:
        raise BadPrompt(
            f"{len(parts)} phrases are more than {MOST_PHRASES}",
            hint="detect fewer phrases at once, or divide them among several runs",
        )
    phrases = tuple(_phrase(part) for part in parts)
    check_distinct(phrases)
    return phrases


def check_distinct(phrases: Iterable[Text]) -> None:
    """Raise BadPrompt for a phrase that is given twice: what it names would come twice."""
    known: set[str] = set()
    for phrase in phrases:
        if phrase.phrase.lower() in known:
            raise BadPrompt(
                f"the phrase '{phrase.phrase}' is given twice", hint="leave one out"
            )
        known.add(phrase.phrase.lower())


def _phrase(part: str) -> Text:
    """One phrase, its threshold cut off."""
    match = _THRESHOLD.search(part)
    if match is None:
        return Text(part)
    try:
        threshold = float(match.group(1))
    except ValueError as error:
        raise BadPrompt(
            f"the threshold '{match.group(1)}' of '{part}' is not a number",
            hint="give it as PHRASE=0.4",
        ) from error
    return Text(part[: match.start()].rstrip(), threshold)
