"""Numbers of things, as sentences have them."""


def counted(count: int, noun: str) -> str:
    """How many there are, with the noun in its number: 1 frame, 2 frames."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
