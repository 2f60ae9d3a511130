"""Words -> the classes of a detector that was trained on a fixed list of them.

Enters: the names of the classes, as its configuration has them, and phrases.  Leaves: the
class that a phrase names.  A phrase is a class or a stated synonym of one, in the singular or
plural, perhaps with an article.  Nothing else is taken for a class: a word that is not
understood must not be ignored.
"""

from collections.abc import Mapping, Sequence

from vseg.errors import BadPrompt, WeightsMismatch
from vseg.grounding.coco_classes import COCO, WITH_CLASSES, forms_of, is_coco, plain_phrase
from vseg.grounding.vocabulary import (
    HELD_OUT,
    STRONGER,
    narrower_notes,
    parse_words,
    wider_words,
)

_NAMELESS = ("n/a", "background", "__background__", "none", "")
"""Names of rows of a score matrix that stand for no class: COCO's ids have gaps."""
_SHOWN = 80
"""Names listed in a hint: all of COCO's; of Objects365 the first."""


class ClassWords:
    """The classes of one detector by name.  names: of the rows that are classes, in order."""

    def __init__(self, named: Mapping[int, str], place: str) -> None:
        """named: as in the configuration of the model at `place`.  Raises WeightsMismatch if
        it names no class.
        """
        plain = {row: " ".join(str(name).lower().split()) for row, name in named.items()}
        self._rows = {
            name: row for row, name in sorted(plain.items()) if not _is_nameless(name)
        }
        if not self._rows:
            raise WeightsMismatch(
                f"config.json in {place} does not name the classes of its model",
                hint='write them there: "id2label": {"0": "car", "1": "truck"}',
            )
        self.names = tuple(self._rows)
        synonyms = {form: name for name in self.names for form in forms_of(name)}
        # A class's own name is never a synonym of another.
        self._class_of = synonyms | {name: name for name in self.names}

    def row_of(self, phrase: str, model: str) -> int:
        """The row of the class that a phrase names.  Raises BadPrompt, which says which model
        knows the phrase.
        """
        known = self._class_of.get(plain_phrase(phrase))
        if known is None:
            raise BadPrompt(
                f"'{phrase}' is none of the {len(self.names)} classes of {model}",
                hint=self._hint(phrase),
            )
        return self._rows[known]

    def _hint(self, phrase: str) -> str:
        """Classes that are meant perhaps, who knows the phrase itself, and all classes."""
        tokens = plain_phrase(phrase).split()
        near = {self._class_of[word] for word in tokens if word in self._class_of}
        near |= {word for word in wider_words(tokens) if word in self._class_of}
        every = "".join(f"for every {name}: --text '{name}'; " for name in sorted(near))
        more = len(self.names) - _SHOWN
        shown = ", ".join(self.names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        return f"{every}{_who_knows(phrase, self.names)}; the classes are {shown}"


def _who_knows(phrase: str, beside: Sequence[str]) -> str:
    """What to type for a model that knows a phrase, other than one with the classes
    `beside`.
    """
    ways = []
    if _nano_knows(phrase):
        ways.append(f"nano's own words know '{phrase}': leave --grounder out")
    if is_coco(phrase) and not set(COCO) <= set(beside):
        ways.append(f"a detector of COCO's classes knows it: {WITH_CLASSES}")
    return "; ".join([*ways, f"for any words: {STRONGER}"])


def _nano_knows(phrase: str) -> bool:
    try:
        parse_words(phrase, HELD_OUT)
    except BadPrompt:
        return False
    return not narrower_notes([phrase], HELD_OUT)


def _is_nameless(name: str) -> bool:
    # transformers calls rows LABEL_0, LABEL_1 ... where nobody named them.
    return name in _NAMELESS or name.startswith("label_")
