"""What users call an object: a class, or a class and the name of the one instance that it is,
written as `person:anna`.
"""

import unicodedata

from vseg.errors import BadPrompt

_MOST_CHARACTERS = 200
"""As many as a text prompt has, which becomes a label."""


def check_label(text: str) -> None:
    """Raise BadPrompt for a label or a name that is no string, empty, of several lines or
    too long: tables, tags on images and the files of other programs have one line for it.
    """
    if not isinstance(text, str):
        raise BadPrompt(
            f"a label is a string, not a {type(text).__name__}", hint="such as person:anna"
        )
    unseen = [c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    if not text.strip() or unseen or len(text) > _MOST_CHARACTERS:
        what = f"holds {unseen[0]!a}" if unseen else f"has {len(text)} characters"
        raise BadPrompt(
            f"the label {text[:40]!r} {what}",
            hint=f"give one line of 1 to {_MOST_CHARACTERS} characters, such as person:anna",
        )


def split_label(text: str) -> tuple[str, str | None]:
    """The class, and the instance's own name if there is one."""
    label, colon, name = text.partition(":")
    return label.strip(), name.strip() if colon else None


def tag_of(label: str | None, name: str | None) -> str | None:
    """What a tag on an image or a row of a table says; None where there is nothing to say."""
    return " ".join(part for part in (label, name) if part) or None
