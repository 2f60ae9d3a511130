"""Names of what is under the root: short, stable, and telling nothing of the path."""

import hashlib

LENGTH = 12
"""Hex digits: 48 bits, so that among a million clips two of one id are unlikely (2e-3)."""
PATTERN = f"^[0-9a-f]{{{LENGTH}}}$"


def id_of(relative: str) -> str:
    """The id of a path relative to the root, with `/` between its parts."""
    return hashlib.sha256(relative.encode("utf-8", "surrogateescape")).hexdigest()[:LENGTH]
