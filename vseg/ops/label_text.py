"""What users call an object: a class, or a class and the name of the one instance that it is,
written as `person:anna`.
"""


def split_label(text: str) -> tuple[str, str | None]:
    """The class, and the instance's own name if there is one."""
    label, colon, name = text.partition(":")
    return label.strip(), name.strip() if colon else None


def tag_of(label: str | None, name: str | None) -> str | None:
    """What a tag on an image or a row of a table says; None where there is nothing to say."""
    return " ".join(part for part in (label, name) if part) or None
