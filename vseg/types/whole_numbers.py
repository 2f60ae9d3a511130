"""Checks of the whole numbers that users give: frame numbers and object ids."""

from collections.abc import Iterable
from numbers import Integral
from typing import Any, TypeGuard

from vseg.errors import BadPrompt


def is_whole(value: object) -> TypeGuard[int]:
    """Whether it is an integer, of Python or of NumPy; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def check_frame_number(index: object) -> None:
    """Raise BadPrompt for what is no integer."""
    if not is_whole(index):
        raise BadPrompt(
            f"frame {index!r:.60} is a {type(index).__name__}, not an int",
            hint="frames count from 0; video.frame_at(time_s) is the one at a time",
        )


def check_ids(objects: Iterable[int]) -> list[int]:
    """The objects that a caller named.  Raises BadPrompt for what is no list of integers."""
    named: list[Any] | None
    try:
        named = list(objects)
    except TypeError:  # an array without an axis is iterable only by its type
        named = None
    if named is None or not all(map(is_whole, named)):
        raise BadPrompt(
            f"objects is {objects!r:.60}, not a list of ids", hint="leave it out for all"
        )
    return named
