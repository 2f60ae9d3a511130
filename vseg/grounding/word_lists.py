"""Vocabulary files: one word or phrase per line; a # begins a comment.

Enters: a file.  Leaves: the phrases in order, checked to be few, short and different.
"""

from pathlib import Path

from vseg.errors import BadVocabulary
from vseg.types import LONGEST_PHRASE

EVERYDAY = Path(__file__).with_name("everyday.txt")
"""A vocabulary of everyday nouns, for those who bring none."""
MOST_WORDS = 20_000
"""More than any detector's vocabulary; beyond that the file is a mistake."""
_MOST_BYTES = 4 << 20


def read_words(path: Path = EVERYDAY) -> tuple[str, ...]:
    """The phrases of a vocabulary file, in order.  Raises BadVocabulary naming the line."""
    phrases: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(_lines(path), start=1):
        phrase = " ".join(line.partition("#")[0].split())
        if not phrase:
            continue
        if len(phrase) > LONGEST_PHRASE:
            raise BadVocabulary(
                f"{path}, line {number}: {len(phrase)} characters, more than {LONGEST_PHRASE}",
                hint="one word or short phrase a line",
            )
        before, _ = phrases.setdefault(phrase.casefold(), (number, phrase))
        if before != number:
            raise BadVocabulary(
                f"{path}: '{phrase}' is in line {before} and again in line {number}",
                hint="remove one of them",
            )
    if not phrases:
        raise BadVocabulary(f"{path} holds no word", hint="one word or phrase a line")
    if len(phrases) > MOST_WORDS:
        raise BadVocabulary(
            f"{path} holds {len(phrases)} words, more than {MOST_WORDS}", hint="split the file"
        )
    return tuple(phrase for _, phrase in phrases.values())


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BadVocabulary(
                f"{path} has {path.stat().st_size >> 20} MiB: it is not a word list",
                hint="one word or phrase a line",
            )
        return path.read_bytes().decode("utf-8-sig").splitlines()
    except OSError as error:
        raise BadVocabulary(
            f"cannot read the vocabulary {path}: {error.strerror}",
            hint="give an existing file",
        ) from error
    except UnicodeDecodeError as error:
        raise BadVocabulary(
            f"{path} is not UTF-8 at byte {error.start}", hint="save it as plain UTF-8 text"
        ) from error
