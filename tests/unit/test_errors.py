"""Every error says what to type next, also where its place knows nothing closer."""

from collections.abc import Iterator

import pytest

from vseg import errors
from vseg.errors import DamagedVideo, TooMany, VsegError


def kinds(base: type[VsegError] = VsegError) -> Iterator[type[VsegError]]:
    """Those that callers may meet: plugins have errors of their own."""
    yield base
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from kinds(kind)


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.__name__)
def test_every_kind_of_error_has_a_hint(kind: type[VsegError]) -> None:
    if kind is TooMany:
        error: VsegError = TooMany("too many", retry_after_s=1)
    elif kind is DamagedVideo:
        error = DamagedVideo("clip.mp4", 0, "torn")
    else:
        error = kind("it went wrong")
    assert error.hint and error.hint in str(error)
