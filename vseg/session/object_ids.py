"""Ids that objects may be prompted under: positive, and never used again after a removal."""

from collections.abc import Container, Sequence
from typing import Any

import numpy as np

from vseg.errors import BadPrompt
from vseg.ops.ranges import holds
from vseg.types import LAST_OBJECT_ID


def check_object_id(obj: Any, tracked: Container[int], used: Sequence[tuple[int, int]]) -> int:
    """The id as an int, if an object may be prompted under it.  Raises BadPrompt.

    tracked: ids of the objects there are.  used: ranges of all ids that there ever were.
    """
    if not isinstance(obj, int | np.integer) or isinstance(obj, bool):
        raise BadPrompt(
            f"object id {obj!r} is a {type(obj).__name__}, not an int",
            hint="ids start at 1",
        )
    number = int(obj)
    if number < 1:
        raise BadPrompt(
            f"object id {number} is not positive", hint="ids start at 1; 0 is background"
        )
    if number > LAST_OBJECT_ID:
        raise BadPrompt(
            f"object id {number} is more than {LAST_OBJECT_ID}", hint="ids start at 1"
        )
    if number not in tracked and holds(used, number):
        raise BadPrompt(
            f"object {number} was removed", hint="ids are not used again; take a new one"
        )
    return number
